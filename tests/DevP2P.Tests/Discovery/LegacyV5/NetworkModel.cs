using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using DevP2P.Tests.Discovery.Core;

namespace DevP2P.Tests.Discovery.LegacyV5;

/// <summary>A network without packets: lookups find the closest of all nodes, and who is asked answers.</summary>
internal sealed class NetworkModel
{
    private const int LookupSize = 16;

    private readonly NodeId _center;

    public NetworkModel(int count, int seed, Topic topic)
    {
        _center = topic.ComputeHash();
        Nodes = [.. Enumerable.Range(seed * 100_000, count).Select(TableNodes.NodeOf)];
    }

    public Node[] Nodes { get; }

    /// <summary>The closest nodes.</summary>
    public List<Node> Find(NodeId target) =>
        [.. Nodes.OrderBy(node => Distance.Leading(node.Id, target)).Take(LookupSize)];

    /// <summary>How many nodes are closer to the topic.</summary>
    public int CountCloser(ulong radius) => Nodes.Count(node => Distance.Leading(node.Id, _center) < radius);

    /// <summary>A lookup, after which all that are near its target are asked how much they are inside.</summary>
    public void DoLookup(TopicRadius radius, TimeSpan now, Func<ulong, double> inside)
    {
        TopicLookup lookup = radius.NextLookup(now, isForRadius: true);
        foreach (Node node in Find(lookup.Target).Where((node, i) => i == 0 || Distance.Leading(node.Id, lookup.Target) < radius.MinRadius))
        {
            if (!radius.HasSample(now, node.Id))
            {
                radius.AddSample(now, node, inside(Distance.Leading(node.Id, _center)));
            }
        }

        radius.LookupEnded(now, lookup.Target);
    }
}
