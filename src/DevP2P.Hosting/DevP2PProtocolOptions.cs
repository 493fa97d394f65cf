using DevP2P.Nodes;

namespace DevP2P.Hosting;

/// <summary>What there is to say about a protocol besides its name, version and length.</summary>
public sealed class DevP2PProtocolOptions
{
    /// <summary>As <see cref="Protocol.MaxMessageSize"/>; null for the library's limit.</summary>
    public int? MaxMessageSize { get; set; }

    /// <summary>As <see cref="Protocol.NodeInfo"/>.</summary>
    public Func<IServiceProvider, object?>? NodeInfo { get; set; }

    /// <summary>As <see cref="Protocol.DialCandidates"/>. Called while the server is made: it must not ask for the <see cref="Server"/>.</summary>
    public Func<IServiceProvider, IAsyncEnumerable<Node>>? DialCandidates { get; set; }
}
