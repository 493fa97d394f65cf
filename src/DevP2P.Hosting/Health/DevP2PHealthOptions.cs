namespace DevP2P.Hosting;

/// <summary>When the node is ready. May change while it runs.</summary>
public sealed class DevP2PHealthOptions
{
    /// <summary>The fewest peers with which the node is ready. Default: 0, for a node without peers may be the first of its network.</summary>
    public int MinPeers { get; set; }
}
