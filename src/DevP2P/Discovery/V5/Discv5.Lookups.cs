using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <content>What a lookup asks (discv5-theory.md, "Lookup Protocol").</content>
internal sealed partial class Discv5
{
    /// <summary>
    /// A lookup's questions. One that got no answer is asked once more: either packet may have been lost. When an answer is full, what
    /// it had no place for is asked for: all distances but the first, whose nodes came first.
    /// </summary>
    protected override void Ask(Timestamp now, Search search, Node node) =>
        Ask(now, search, node, GetLookupDistances(search.Target.Id, node.Id), question: 1, found: null);

    private void Ask(Timestamp now, Search search, Node node, int[] distances, int question, List<Node>? found) =>
        FindNode(now, node, distances, (t, answer) =>
        {
            bool isMore = answer is null ? question == 1 : answer.IsFull && distances.Length > 1;
            if (answer is not null)
            {
                (found ??= []).AddRange(answer.Nodes);
            }

            if (isMore && question < Discv5Limits.MaxLookupQuestions)
            {
                Ask(t, search, node, answer is null ? distances : distances[1..], question + 1, found);
            }
            else
            {
                AskEnded(t, search, node, found, answers: question);
            }
        });

    /// <summary>
    /// The distances from a node at which it may know nodes close to a target: the target's own, then those next to it
    /// (discv5-theory.md, "Lookup Protocol").
    /// </summary>
    internal static int[] GetLookupDistances(in NodeId target, in NodeId node)
    {
        int distance = Distance.Log(target, node);
        Span<int> distances = stackalloc int[Discv5Limits.LookupDistances];
        int count = 0;
        for (int i = 0; count < distances.Length; i++)
        {
            if (distance + i is > 0 and <= Distance.Max)
            {
                distances[count++] = distance + i;
            }

            if (i > 0 && distance - i > 0 && count < distances.Length)
            {
                distances[count++] = distance - i;
            }
        }

        return distances.ToArray();
    }
}
