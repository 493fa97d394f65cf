using System.Net;
using DevP2P.Crypto;
using DevP2P.Nat;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting;

/// <summary>Reads the texts of <see cref="DevP2PHostOptions"/>. All that is wrong is found at once; nothing is opened or made.</summary>
internal sealed class ServerOptionsReader
{
    private readonly DevP2PHostOptions _options;
    private readonly OptionNames _names;
    private readonly List<string> _failures = [];

    public ServerOptionsReader(DevP2PHostOptions options, OptionNames names)
    {
        _options = options;
        _names = names;
        Key = ReadKey();
        StaticNodes = ReadNodes(nameof(options.StaticNodes), options.StaticNodes);
        TrustedNodes = ReadNodes(nameof(options.TrustedNodes), options.TrustedNodes);
        BootstrapNodes = ReadNodes(nameof(options.BootstrapNodes), options.BootstrapNodes);
        BootstrapNodesV5 = ReadNodes(nameof(options.BootstrapNodesV5), options.BootstrapNodesV5);
        NetRestrict = ReadNetworks();
        Nat = ReadNat();
        AdvertisedEndPoints = ReadAdvertised();
    }

    /// <summary>What is wrong, each with its key.</summary>
    public IReadOnlyList<string> Failures => _failures;

    public IReadOnlyList<Node> StaticNodes { get; }

    public IReadOnlyList<Node> TrustedNodes { get; }

    /// <summary>Null if it is in a file.</summary>
    private PrivateKey? Key { get; }

    private List<Node> BootstrapNodes { get; }

    private List<Node> BootstrapNodesV5 { get; }

    private NetList? NetRestrict { get; }

    private INat? Nat { get; }

    private AdvertisedEndPoints? AdvertisedEndPoints { get; }

    /// <summary>The server's options. Only where there are no <see cref="Failures"/>; the key is read from its file, if it is in one.</summary>
    public ServerOptions Make(Func<string, PrivateKey> loadKey, IReadOnlyList<Protocol> protocols, TimeProvider time, ILoggerFactory loggers)
    {
        var made = new ServerOptions
        {
            PrivateKey = Key ?? loadKey(_options.PrivateKeyFile!),
            ListenAddress = NullIfEmpty(_options.ListenAddress),
            MaxPeers = _options.MaxPeers,
            MaxPendingPeers = _options.MaxPendingPeers,
            DialRatio = _options.DialRatio,
            UploadBytesPerSecond = _options.UploadBytesPerSecond,
            DownloadBytesPerSecond = _options.DownloadBytesPerSecond,
            PeerUploadBytesPerSecond = _options.PeerUploadBytesPerSecond,
            PeerDownloadBytesPerSecond = _options.PeerDownloadBytesPerSecond,
            NoDial = _options.NoDial,
            NoDiscovery = !_options.Discovery,
            DiscoveryV4 = _options.DiscoveryV4,
            DiscoveryV5 = _options.DiscoveryV5,
            DiscoveryV5Address = NullIfEmpty(_options.DiscoveryV5Address),
            LegacyTopicDiscovery = _options.LegacyTopicDiscovery,
            BootstrapNodes = BootstrapNodes,
            BootstrapNodesV5 = BootstrapNodesV5,
            StaticNodes = StaticNodes,
            TrustedNodes = TrustedNodes,
            NetRestrict = NetRestrict,
            Nat = Nat,
            AdvertisedEndPoints = AdvertisedEndPoints,
            SntpServer = NullIfEmpty(_options.SntpServer),
            NodeDatabase = NullIfEmpty(_options.NodeDatabase),
            EnableMessageEvents = _options.EnableMessageEvents,
            MaxBufferedBytes = _options.MaxBufferedBytes,
            MaxBufferedBytesPerPeer = _options.MaxBufferedBytesPerPeer,
            Protocols = protocols,
            TimeProvider = time,
            LoggerFactory = loggers,
        };
        return _options.ApplyChanges(NullIfEmpty(_options.Name) is { } name ? made with { Name = name } : made);
    }

    /// <summary>In a configuration an empty text is how to say "nothing" over a value of another source.</summary>
    private static string? NullIfEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;

    private PrivateKey? ReadKey()
    {
        string? text = NullIfEmpty(_options.PrivateKey);
        bool hasFile = NullIfEmpty(_options.PrivateKeyFile) is not null;
        string file = _names.Of(nameof(_options.PrivateKeyFile));
        if (text is null)
        {
            if (!hasFile)
            {
                _failures.Add($"{file} must be set: the file with the node's private key, which is made at the first start");
            }

            return null;
        }

        if (hasFile)
        {
            _failures.Add($"{file} and {_names.Of(nameof(_options.PrivateKey))} are both set: set one of them");
            return null;
        }

        try
        {
            return PrivateKey.ParseHex(text);
        }
        catch (FormatException e)
        {
            _failures.Add($"{_names.Of(nameof(_options.PrivateKey))}: {e.Message}");
            return null;
        }
    }

    private List<Node> ReadNodes(string option, IList<string> texts)
    {
        List<Node> nodes = [];
        for (int i = 0; i < texts.Count; i++)
        {
            if (Node.TryParse(texts[i], out Node? node, out string? error))
            {
                nodes.Add(node);
            }
            else if (NullIfEmpty(texts[i]) is not null)
            {
                _failures.Add($"{_names.Of(option, i)}: \"{texts[i]}\" is not a node: {error}");
            }
        }

        return nodes;
    }

    private NetList? ReadNetworks()
    {
        List<IPNetwork> networks = [];
        for (int i = 0; i < _options.NetRestrict.Count; i++)
        {
            if (NetList.TryParse(_options.NetRestrict[i], out NetList? list, out string? error))
            {
                networks.AddRange(list.Networks);
            }
            else
            {
                _failures.Add($"{_names.Of(nameof(_options.NetRestrict), i)}: {error}");
            }
        }

        return networks.Count == 0 ? null : new NetList(networks);
    }

    private INat? ReadNat()
    {
        if (!NatMethod.TryParse(_options.Nat, out INat? nat, out string? error))
        {
            _failures.Add($"{_names.Of(nameof(_options.Nat))}: {error}");
        }

        return nat;
    }

    private AdvertisedEndPoints? ReadAdvertised()
    {
        DevP2PAdvertisedEndPoints given = _options.AdvertisedEndPoints;
        var advertised = new AdvertisedEndPoints
        {
            IPv4Address = ReadAddress(nameof(given.IPv4Address), given.IPv4Address),
            IPv6Address = ReadAddress(nameof(given.IPv6Address), given.IPv6Address),
            TcpPort = given.TcpPort,
            UdpPort = given.UdpPort,
            Tcp6Port = given.Tcp6Port,
            Udp6Port = given.Udp6Port,
        };
        return advertised == new AdvertisedEndPoints() ? null : advertised;
    }

    private IPAddress? ReadAddress(string option, string? text)
    {
        if (NullIfEmpty(text) is null)
        {
            return null;
        }

        // "1" and "0x7f.1" are addresses to the platform, and slips of the pen here.
        string trimmed = text!.Trim();
        if (!IPAddress.TryParse(trimmed, out IPAddress? address) || (!trimmed.Contains(':', StringComparison.Ordinal) && trimmed.Count(static c => c == '.') != 3))
        {
            _failures.Add($"{_names.Of(nameof(_options.AdvertisedEndPoints))}:{option}: \"{text}\" is not an IP address");
        }

        return address;
    }
}
