using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>A lookup that the machine is to do for a topic.</summary>
/// <param name="Topic">For which.</param>
/// <param name="Target">What to look up.</param>
/// <param name="IsForRadius">Whether the nodes found are asked only to learn the topic's radius.</param>
internal sealed record TopicLookup(Topic Topic, NodeId Target, bool IsForRadius);
