namespace DevP2P.Cli.Configuration;

/// <summary>
/// Every setting of <c>devp2p run</c> (<c>devp2p bootnode</c> has some of them), once: the flags, the environment, the TOML reader and the documentation's test all
/// work from this list. The TOML names are go-ethereum's (<c>p2p.Config</c> and <c>node.Config</c>); what only this
/// program knows is in the table <c>[DevP2P]</c>, where it cannot collide.
/// </summary>
internal static class Settings
{
    public static readonly Setting Config = new("config", null, SettingKind.Text,
        "Read settings from this TOML file (geth's names, see docs/configuration.md)", "FILE");

    public static readonly Setting DataDir = new("data-dir", "Node.DataDir", SettingKind.Text,
        "Directory for the node's key and data", "DIR")
    { Default = "the platform's data directory" };

    public static readonly Setting KeyFile = new("key-file", "DevP2P.KeyFile", SettingKind.Text,
        "The node's private key, 64 hexadecimal digits; created on first start", "FILE")
    { Default = "nodekey in the data directory" };

    public static readonly Setting Listen = new("listen", "Node.P2P.ListenAddr", SettingKind.Text,
        "Address and port; port 0 takes a free one; 'none' does not listen", "ADDR:PORT")
    { Default = ":30303" };

    public static readonly Setting Static = new("static", "Node.P2P.StaticNodes", SettingKind.List,
        "Keep a connection to this node; may be repeated", "ENODE");

    public static readonly Setting Trusted = new("trusted", "Node.P2P.TrustedNodes", SettingKind.List,
        "Always let this node in, whatever the limits say; may be repeated", "ENODE");

    public static readonly Setting BootstrapNodes = new("bootnodes", "Node.P2P.BootstrapNodes", SettingKind.List,
        "Start discovery from this node, by v5.1 only if it is a record; may be repeated", "ENODE|ENR");

    public static readonly Setting Network = new("network", "DevP2P.Network", SettingKind.Text,
        "Start discovery also from this network's published bootnodes", "mainnet|sepolia|hoodi");

    public static readonly Setting MaxPeers = new("max-peers", "Node.P2P.MaxPeers", SettingKind.Number,
        "Most peers at a time", "N")
    { Default = "25" };

    public static readonly Setting MaxPendingPeers = new("max-pending-peers", "Node.P2P.MaxPendingPeers", SettingKind.Number,
        "Most connections in the handshake, for each direction; 0 is the default", "N")
    { Default = "50" };

    public static readonly Setting DialRatio = new("dial-ratio", "Node.P2P.DialRatio", SettingKind.Number,
        "One peer in N may be one that we dialed; 0 is the default", "N")
    { Default = "3" };

    public static readonly Setting UploadLimit = new("upload-limit", "DevP2P.UploadLimit", SettingKind.Size,
        "Send all peers together at most this many bytes per second, for example 512K or 10M", "SIZE");

    public static readonly Setting DownloadLimit = new("download-limit", "DevP2P.DownloadLimit", SettingKind.Size,
        "Read from all peers together at most this many bytes per second", "SIZE");

    public static readonly Setting PeerUploadLimit = new("peer-upload-limit", "DevP2P.PeerUploadLimit", SettingKind.Size,
        "Send one peer at most this many bytes per second", "SIZE");

    public static readonly Setting PeerDownloadLimit = new("peer-download-limit", "DevP2P.PeerDownloadLimit", SettingKind.Size,
        "Read from one peer at most this many bytes per second", "SIZE");

    public static readonly Setting NetRestrict = new("net-restrict", "Node.P2P.NetRestrict", SettingKind.List,
        "Talk only to addresses in these networks, for example 10.0.0.0/8,192.168.0.0/16", "CIDR");

    public static readonly Setting NoDial = new("no-dial", "Node.P2P.NoDial", SettingKind.Switch,
        "Dial nobody, static nodes neither")
    { Default = "false" };

    public static readonly Setting NoDiscovery = new("no-discovery", "Node.P2P.NoDiscovery", SettingKind.Switch,
        "Look for no nodes on the network")
    { Default = "false" };

    public static readonly Setting Nat = new("nat", "Node.P2P.NAT", SettingKind.Text,
        "How to be reachable behind a router: the method that opens ports on it", "HOW")
    { Default = "none" };

    public static readonly Setting AdvertiseIp = new("advertise-ip", "DevP2P.AdvertiseIP", SettingKind.List,
        "The address that others reach this node at, whatever is found out: one of IPv4, one of IPv6, or both", "IP");

    public static readonly Setting AdvertiseTcp = new("advertise-tcp", "DevP2P.AdvertiseTCP", SettingKind.Number,
        "The TCP port that others reach this node at, where it is not the one listened on", "PORT");

    public static readonly Setting AdvertiseUdp = new("advertise-udp", "DevP2P.AdvertiseUDP", SettingKind.Number,
        "The UDP port that others reach this node at", "PORT");

    public static readonly Setting AdvertiseTcp6 = new("advertise-tcp6", "DevP2P.AdvertiseTCP6", SettingKind.Number,
        "The TCP port by IPv6", "PORT");

    public static readonly Setting AdvertiseUdp6 = new("advertise-udp6", "DevP2P.AdvertiseUDP6", SettingKind.Number,
        "The UDP port by IPv6", "PORT");

    public static readonly Setting Sntp = new("sntp", "DevP2P.Sntp", SettingKind.Text,
        "Ask this time server whether the clock is right, for example pool.ntp.org", "HOST[:PORT]");

    public static readonly Setting Name = new("name", "Node.Name", SettingKind.Text,
        "The client name that others see", "NAME")
    { Default = "devp2p/v<version>/<system>/<runtime>" };

    public static readonly Setting UserIdent = new(null, "Node.UserIdent", SettingKind.Text,
        "An additional part of the default client name");

    public static readonly Setting Echo = new("echo", "DevP2P.Echo", SettingKind.Switch,
        "Serve the test protocol 'echo' version 1 (see devp2p echo)")
    { Default = "false" };

    public static readonly Setting MessageEvents = new("message-events", "Node.P2P.EnableMsgEvents", SettingKind.Switch,
        "Report every message as an event (with --log json)")
    { Default = "false" };

    public static readonly Setting Log = new("log", "DevP2P.Log", SettingKind.Text,
        "text: lines for people on stderr; json: also one JSON object a line on stdout", "text|json")
    { Default = "text" };

    public static readonly Setting Verbosity = new("verbosity", "DevP2P.Verbosity", SettingKind.Text,
        "0 silent, 1 error, 2 warn, 3 info, 4 debug, 5 trace; numbers or names", "LEVEL")
    { Default = "info" };

    public static readonly Setting DiscoveryV4 = new("v4", "Node.P2P.DiscoveryV4", SettingKind.Switch,
        "Node discovery v4; --v4=false turns it off")
    { Default = "true" };

    public static readonly Setting DiscoveryV5 = new("v5", "Node.P2P.DiscoveryV5", SettingKind.Switch,
        "Node discovery v5.1; a bootnode has it unless --v5=false")
    { Default = "false" };

    public static readonly Setting LegacyTopics = new("legacy-topics", "DevP2P.LegacyTopicDiscovery", SettingKind.Switch,
        "The topic discovery of go-ethereum 1.8 (see devp2p topic)")
    { Default = "false" };

    public static readonly Setting BootstrapNodesV5 = new(null, "Node.P2P.BootstrapNodesV5", SettingKind.List,
        "Where discovery v5.1 and topic discovery start, besides BootstrapNodes");

    public static readonly Setting NodeDatabase = new(null, "Node.P2P.NodeDatabase", SettingKind.Text,
        "Path of the database of known nodes");

    public static readonly Setting Http = new("http", "DevP2P.Http", SettingKind.Text,
        "Serve the admin API, metrics and the dashboard by HTTP [alone: 127.0.0.1:8545]; elsewhere than on loopback only with a token", "ADDR:PORT")
    { Implied = "127.0.0.1:8545" };

    public static readonly Setting HttpTokenFile = new("http-token-file", "DevP2P.HttpTokenFile", SettingKind.Text,
        "Callers by HTTP must show the token in this file; made with a random one if it is not there", "FILE");

    public static readonly Setting HttpHost = new("http-host", "DevP2P.HttpHosts", SettingKind.List,
        "Serve requests that name this host, besides localhost; may be repeated", "NAME");

    public static readonly Setting HttpOrigin = new("http-origin", "DevP2P.HttpOrigins", SettingKind.List,
        "Let pages of this origin call the admin API; may be repeated", "ORIGIN");

    public static readonly Setting Ipc = new("ipc", "DevP2P.Ipc", SettingKind.Text,
        "Serve the admin API to this user by a Unix socket [alone: devp2p.ipc in the data directory]", "PATH")
    { Implied = "default" };

    public static readonly Setting DiscAddr = new("v5-listen", "Node.P2P.DiscAddr", SettingKind.Text,
        "Address and port of discovery v5.1, if it is not to share that of v4", "ADDR:PORT");

    /// <summary>Those that <c>devp2p bootnode</c> has flags for.</summary>
    public static IReadOnlyList<Setting> Bootnode { get; } =
    [
        Config, DataDir, KeyFile, Listen, BootstrapNodes, Network, DiscoveryV4, DiscoveryV5, NetRestrict, Nat, AdvertiseIp, AdvertiseUdp, AdvertiseUdp6, Log, Verbosity,
    ];

    /// <summary>All of them, in the order in which help shows them.</summary>
    public static IReadOnlyList<Setting> All { get; } =
    [
        Config, DataDir, KeyFile, Listen, BootstrapNodes, Network, DiscoveryV4, DiscoveryV5, DiscAddr, LegacyTopics, Static, Trusted,
        MaxPeers, MaxPendingPeers, DialRatio, UploadLimit, DownloadLimit, PeerUploadLimit, PeerDownloadLimit, NetRestrict,
        NoDial, NoDiscovery, Nat, AdvertiseIp, AdvertiseTcp, AdvertiseUdp, AdvertiseTcp6, AdvertiseUdp6, Sntp, Name, UserIdent, Echo, MessageEvents,
        Http, HttpTokenFile, HttpHost, HttpOrigin, Ipc, Log, Verbosity,
        BootstrapNodesV5, NodeDatabase,
    ];
}
