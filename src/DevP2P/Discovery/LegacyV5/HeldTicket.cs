using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>A ticket that another node has given us. What is sent to use it: topics, index and pong.</summary>
/// <param name="Node">Who has issued it.</param>
/// <param name="Topics">The topics of the ping that it answers.</param>
/// <param name="Index">Which of them it is to be used for.</param>
/// <param name="RegisterAt">When.</param>
/// <param name="Pong">The packet as it came.</param>
internal sealed record HeldTicket(Node Node, IReadOnlyList<Topic> Topics, int Index, TimeSpan RegisterAt, ReadOnlyMemory<byte> Pong)
{
    /// <summary>For what it is to be used.</summary>
    public Topic Topic => Topics[Index];
}
