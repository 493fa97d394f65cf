namespace DevP2P.Hosting;

/// <summary>
/// What an application or its configuration says of the node: <see cref="ServerOptions"/> as texts, numbers and switches. Checked when the
/// server is made; a wrong value stops the start, and the message names the configuration's key.
/// </summary>
/// <remarks>
/// Of a running node <see cref="MaxPeers"/>, the four limits of bandwidth, <see cref="StaticNodes"/> and <see cref="TrustedNodes"/> follow a change of
/// the configuration; for each other change the log says that it needs a restart.
/// </remarks>
public sealed class DevP2PHostOptions
{
    private readonly List<Func<ServerOptions, ServerOptions>> _changes = [];

    /// <summary>The node's private key, 64 hexadecimal digits. A secret: better kept in <see cref="PrivateKeyFile"/>.</summary>
    public string? PrivateKey { get; set; }

    /// <summary>The file with the node's private key, 64 hexadecimal digits; made at the first start, with mode 0600. This or <see cref="PrivateKey"/> must be set.</summary>
    public string? PrivateKeyFile { get; set; }

    /// <summary>As <see cref="ServerOptions.Name"/>; null for the library's own.</summary>
    public string? Name { get; set; }

    /// <summary>As <see cref="ServerOptions.ListenAddress"/>: "127.0.0.1:30303", ":30303" for all addresses, null or nothing for no listener.</summary>
    public string? ListenAddress { get; set; }

    /// <summary>As <see cref="ServerOptions.MaxPeers"/>. May change while the node runs.</summary>
    public int MaxPeers { get; set; } = 25;

    /// <summary>As <see cref="ServerOptions.MaxPendingPeers"/>.</summary>
    public int MaxPendingPeers { get; set; } = 50;

    /// <summary>As <see cref="ServerOptions.DialRatio"/>.</summary>
    public int DialRatio { get; set; } = 3;

    /// <summary>As <see cref="ServerOptions.UploadBytesPerSecond"/>. May change while the node runs.</summary>
    public long? UploadBytesPerSecond { get; set; }

    /// <summary>As <see cref="ServerOptions.DownloadBytesPerSecond"/>. May change while the node runs.</summary>
    public long? DownloadBytesPerSecond { get; set; }

    /// <summary>As <see cref="ServerOptions.PeerUploadBytesPerSecond"/>. May change while the node runs.</summary>
    public long? PeerUploadBytesPerSecond { get; set; }

    /// <summary>As <see cref="ServerOptions.PeerDownloadBytesPerSecond"/>. May change while the node runs.</summary>
    public long? PeerDownloadBytesPerSecond { get; set; }

    /// <summary>As <see cref="ServerOptions.NoDial"/>.</summary>
    public bool NoDial { get; set; }

    /// <summary>The opposite of <see cref="ServerOptions.NoDiscovery"/>: false turns off all discovery.</summary>
    public bool Discovery { get; set; } = true;

    /// <summary>As <see cref="ServerOptions.DiscoveryV4"/>.</summary>
    public bool DiscoveryV4 { get; set; } = true;

    /// <summary>As <see cref="ServerOptions.DiscoveryV5"/>.</summary>
    public bool DiscoveryV5 { get; set; }

    /// <summary>As <see cref="ServerOptions.DiscoveryV5Address"/>.</summary>
    public string? DiscoveryV5Address { get; set; }

    /// <summary>As <see cref="ServerOptions.LegacyTopicDiscovery"/>.</summary>
    public bool LegacyTopicDiscovery { get; set; }

    /// <summary>As <see cref="ServerOptions.BootstrapNodes"/>: enode URLs or records (<c>enr:</c>).</summary>
    public IList<string> BootstrapNodes { get; } = [];

    /// <summary>As <see cref="ServerOptions.BootstrapNodesV5"/>: records (<c>enr:</c>) or enode URLs.</summary>
    public IList<string> BootstrapNodesV5 { get; } = [];

    /// <summary>As <see cref="ServerOptions.StaticNodes"/>: enode URLs or records. May change while the node runs: who leaves the list is disconnected.</summary>
    public IList<string> StaticNodes { get; } = [];

    /// <summary>As <see cref="ServerOptions.TrustedNodes"/>: enode URLs or records. May change while the node runs: who leaves the list stays connected.</summary>
    public IList<string> TrustedNodes { get; } = [];

    /// <summary>As <see cref="ServerOptions.NetRestrict"/>: networks such as 10.0.0.0/8. Empty for no restriction.</summary>
    public IList<string> NetRestrict { get; } = [];

    /// <summary>As <see cref="ServerOptions.Nat"/>, in the text form of <see cref="Nat.NatMethod"/>: "none", "any", "extip:192.0.2.1"; null for none.</summary>
    public string? Nat { get; set; }

    /// <summary>As <see cref="ServerOptions.AdvertisedEndPoints"/>.</summary>
    public DevP2PAdvertisedEndPoints AdvertisedEndPoints { get; } = new();

    /// <summary>As <see cref="ServerOptions.SntpServer"/>.</summary>
    public string? SntpServer { get; set; }

    /// <summary>As <see cref="ServerOptions.NodeDatabase"/>.</summary>
    public string? NodeDatabase { get; set; }

    /// <summary>As <see cref="ServerOptions.EnableMessageEvents"/>.</summary>
    public bool EnableMessageEvents { get; set; }

    /// <summary>As <see cref="ServerOptions.MaxBufferedBytes"/>.</summary>
    public long MaxBufferedBytes { get; set; } = 512L * 1024 * 1024;

    /// <summary>As <see cref="ServerOptions.MaxBufferedBytesPerPeer"/>.</summary>
    public int MaxBufferedBytesPerPeer { get; set; } = 1024 * 1024;

    /// <summary>Has the last word on the server's options: for what a configuration cannot say, such as <see cref="ServerOptions.Dialer"/>.</summary>
    /// <param name="change">From what these options make to what is used. Called once, when the server is made.</param>
    public void ConfigureServer(Func<ServerOptions, ServerOptions> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        _changes.Add(change);
    }

    internal ServerOptions ApplyChanges(ServerOptions options) => _changes.Aggregate(options, static (o, change) => change(o));
}

/// <summary><see cref="Nodes.AdvertisedEndPoints"/> as texts and numbers.</summary>
public sealed class DevP2PAdvertisedEndPoints
{
    /// <summary>As <see cref="Nodes.AdvertisedEndPoints.IPv4Address"/>.</summary>
    public string? IPv4Address { get; set; }

    /// <summary>As <see cref="Nodes.AdvertisedEndPoints.IPv6Address"/>.</summary>
    public string? IPv6Address { get; set; }

    /// <summary>As <see cref="Nodes.AdvertisedEndPoints.TcpPort"/>.</summary>
    public int? TcpPort { get; set; }

    /// <summary>As <see cref="Nodes.AdvertisedEndPoints.UdpPort"/>.</summary>
    public int? UdpPort { get; set; }

    /// <summary>As <see cref="Nodes.AdvertisedEndPoints.Tcp6Port"/>.</summary>
    public int? Tcp6Port { get; set; }

    /// <summary>As <see cref="Nodes.AdvertisedEndPoints.Udp6Port"/>.</summary>
    public int? Udp6Port { get; set; }
}
