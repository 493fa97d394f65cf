using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nat;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Cli.Doctor;

/// <summary>What <c>devp2p doctor</c> is to ask, and whom.</summary>
internal sealed record DoctorOptions
{
    /// <summary>Where the node would listen.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>The methods of port mapping, with the names that users know them by.</summary>
    public IReadOnlyList<INat> Methods { get; init; } = [];

    /// <summary>A STUN server; null for none.</summary>
    public string? StunServer { get; init; }

    /// <summary>A time server; null for none.</summary>
    public string? SntpServer { get; init; }

    /// <summary>Whom to ping.</summary>
    public IReadOnlyList<Node> Bootnodes { get; init; } = [];
}

/// <summary>Finds out what there is to know. Every step has a bound on its time.</summary>
/// <param name="options">Whom to ask.</param>
/// <param name="progress">Told what is being done, one line each.</param>
internal sealed class DoctorProbe(DoctorOptions options, Action<string> progress)
{
    /// <summary>How long a mapping lives that is tried, should its removal get lost.</summary>
    private static readonly TimeSpan s_trialLifetime = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan s_lookupTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_clockTimeout = TimeSpan.FromSeconds(3);

    /// <summary>How many bootnodes are pinged at most, and how often each.</summary>
    private const int MaxBootnodes = 32;
    private const int Pings = 3;

    /// <summary>Runs all steps.</summary>
    public async Task<DoctorFacts> RunAsync(CancellationToken cancellationToken)
    {
        int port = options.Listen.Port;
        progress("looking at addresses, gateways and ports");
        var facts = new DoctorFacts { Port = port, Addresses = [.. FindAddresses()], Gateways = [.. FindGateways()], Ports = [.. CheckPorts()] };

        progress($"asking for {(options.Methods.Count == 0 ? "no method of port mapping" : string.Join(", ", options.Methods))}, STUN and the time");
        Task<MethodFact[]> methods = Task.WhenAll(options.Methods.Select(method => TryMethodAsync(method, cancellationToken)));
        Task<StunFact?> stun = AskStunAsync(cancellationToken);
        Task<ClockFact?> clock = AskTheTimeAsync(cancellationToken);
        Task<BootnodeFact[]> bootnodes = PingBootnodesAsync(cancellationToken);
        facts = facts with { Methods = await methods, Stun = await stun, Clock = await clock, Bootnodes = await bootnodes };

        if (BestMethod(facts) is { } best)
        {
            progress($"trying to map tcp and udp {port} by {best}");
            facts = facts with { Mappings = [await TryMappingAsync(best, NatProtocol.Tcp, facts, cancellationToken), await TryMappingAsync(best, NatProtocol.Udp, facts, cancellationToken)] };
        }

        return facts;
    }

    private static IEnumerable<AddressFact> FindAddresses()
    {
        foreach (NetworkInterface link in NetworkInterface.GetAllNetworkInterfaces().Where(static l => l.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown))
        {
            foreach (IPAddress address in link.GetIPProperties().UnicastAddresses.Select(static a => a.Address).Where(static a => !IPAddress.IsLoopback(a)))
            {
                string text = address.ToString().Split('%')[0];
                yield return new AddressFact(link.Name, text, AddressKind.Of(address));
            }
        }
    }

    private static IEnumerable<GatewayFact> FindGateways() =>
        Gateways.Find(AddressFamily.InterNetwork).Concat(Gateways.Find(AddressFamily.InterNetworkV6))
            .Select(static gateway => new GatewayFact(gateway.Address.ToString(), gateway.Link));

    private IEnumerable<PortFact> CheckPorts()
    {
        foreach ((string name, SocketType type, ProtocolType protocol) in new[] { ("tcp", SocketType.Stream, ProtocolType.Tcp), ("udp", SocketType.Dgram, ProtocolType.Udp) })
        {
            string? error = null;
            try
            {
                using var socket = new Socket(options.Listen.AddressFamily, type, protocol);
                socket.Bind(options.Listen);
            }
            catch (SocketException e)
            {
                error = e.Message;
            }

            yield return new PortFact(name, options.Listen.ToString(), error, error is null ? null : PortOwner.Find(name, options.Listen.Port));
        }
    }

    private static async Task<MethodFact> TryMethodAsync(INat method, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            NatStatus status = await method.GetStatusAsync(AddressFamily.InterNetwork, cancellationToken);
            return new MethodFact(
                method.ToString()!, status.ExternalAddress?.ToString(), status.ExternalAddress is { } address ? AddressKind.Of(address) : null, null, Elapsed(start));
        }
        catch (NatException e)
        {
            return new MethodFact(method.ToString()!, null, null, e.Message, Elapsed(start));
        }
    }

    /// <summary>The method that a race would keep: the quickest of those that work.</summary>
    private INat? BestMethod(DoctorFacts facts) => options.Methods.Zip(facts.Methods)
        .Where(static pair => pair.First.CanMap && pair.Second.Error is null)
        .OrderBy(static pair => pair.Second.Milliseconds)
        .Select(static pair => pair.First)
        .FirstOrDefault();

    private async Task<MappingFact> TryMappingAsync(INat method, NatProtocol protocol, DoctorFacts facts, CancellationToken cancellationToken)
    {
        string name = protocol == NatProtocol.Tcp ? "tcp" : "udp";
        var request = new NatMappingRequest
        {
            Protocol = protocol,
            InternalPort = facts.Port,
            ExternalPort = facts.Port,
            Lifetime = s_trialLifetime,
            Description = "devp2p doctor",
        };
        try
        {
            NatMapping mapping = await method.MapAsync(request, cancellationToken);
            bool? isReachable = protocol == NatProtocol.Udp ? await IsReachableAsync(facts, cancellationToken) : null;
            await method.UnmapAsync(request with { ExternalPort = mapping.ExternalPort }, cancellationToken);
            return new MappingFact(method.ToString()!, name, mapping.ExternalPort, isReachable, null);
        }
        catch (NatException e)
        {
            return new MappingFact(method.ToString()!, name, 0, null, e.Message);
        }
    }

    /// <summary>
    /// Lets the STUN server's other address write to the mapped port, which had never written to it. Null if no server can do that, or
    /// if the port is taken.
    /// </summary>
    private async Task<bool?> IsReachableAsync(DoctorFacts facts, CancellationToken cancellationToken)
    {
        if (facts.Stun is not { Error: null } || facts.Ports.Any(static p => p is { Protocol: "udp", Error: not null })
            || await ResolveAsync(options.StunServer!, StunCodec.DefaultPort, cancellationToken) is not { } server
            || Gateways.LocalAddressToward(server.Address) is not { } local)
        {
            return null;
        }

        try
        {
            using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(local, facts.Port));
            StunReport report = await StunClient.GetBehaviorAsync(socket, server, TimeProvider.System, cancellationToken);
            return report.Filtering switch
            {
                StunBehavior.Unknown => null,
                StunBehavior.EndpointIndependent => true,
                _ => false,
            };
        }
        catch (Exception e) when (e is SocketException or NatException)
        {
            return null;
        }
    }

    private async Task<StunFact?> AskStunAsync(CancellationToken cancellationToken)
    {
        if (options.StunServer is not { } text)
        {
            return null;
        }

        long start = Stopwatch.GetTimestamp();
        try
        {
            IPEndPoint server = await ResolveAsync(text, StunCodec.DefaultPort, cancellationToken) ?? throw new NatException(NatError.NotFound, "the host has no address");
            StunReport report = await StunClient.GetBehaviorAsync(server, TimeProvider.System, cancellationToken);
            return new StunFact(text, report.Mapped.Address.ToString(), Name(report.Mapping), Name(report.Filtering), null, Elapsed(start));
        }
        catch (NatException e)
        {
            return new StunFact(text, null, null, null, e.Message, Elapsed(start));
        }

        static string Name(StunBehavior behavior) => behavior switch
        {
            StunBehavior.EndpointIndependent => "endpointIndependent",
            StunBehavior.AddressDependent => "addressDependent",
            StunBehavior.AddressAndPortDependent => "addressAndPortDependent",
            _ => "unknown",
        };
    }

    private async Task<ClockFact?> AskTheTimeAsync(CancellationToken cancellationToken)
    {
        if (options.SntpServer is not { } text)
        {
            return null;
        }

        if (await ResolveAsync(text, Sntp.DefaultPort, cancellationToken) is not { } server)
        {
            return new ClockFact(text, null, "the host has no address");
        }

        SntpAnswer answer = await SntpClient.QueryAsync(server, s_clockTimeout, TimeProvider.System, cancellationToken);
        return answer.Error == SntpError.None
            ? new ClockFact(text, Math.Round(answer.Offset.TotalSeconds, 3), null)
            : new ClockFact(text, null, ClockCheck.Describe(answer.Error));
    }

    private async Task<BootnodeFact[]> PingBootnodesAsync(CancellationToken cancellationToken)
    {
        Node[] nodes = [.. options.Bootnodes.Where(static node => node.UdpEndPoint is not null).Take(MaxBootnodes)];
        if (nodes.Length == 0)
        {
            return [];
        }

        var listen = new IPEndPoint(Configuration.ListenAddress.DefaultFor([.. nodes.Select(static n => n.Address!)]), 0);
        await using var discovery = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate(), ListenEndPoint = listen });
        await discovery.StartAsync(cancellationToken);
        return await Task.WhenAll(nodes.Select(node => PingAsync(discovery, node, cancellationToken)));
    }

    private static async Task<BootnodeFact> PingAsync(DiscoveryV4 discovery, Node node, CancellationToken cancellationToken)
    {
        DiscoveryPing? reply = null;
        for (int i = 0; i < Pings && reply is null; i++)
        {
            reply = await discovery.PingAsync(node, cancellationToken);
        }

        return new BootnodeFact(node.ToString(), reply is null ? null : Math.Round(reply.RoundTrip.TotalMilliseconds, 3), reply?.SeenAs?.ToString());
    }

    private static async Task<IPEndPoint?> ResolveAsync(string text, int defaultPort, CancellationToken cancellationToken)
    {
        if (!HostAndPort.TryParse(text, defaultPort, out string? host, out int port))
        {
            return null;
        }

        if (IPAddress.TryParse(host, out IPAddress? literal))
        {
            return new IPEndPoint(literal, port);
        }

        try
        {
            IPAddress[] found = await Dns.GetHostAddressesAsync(host, AddressFamily.InterNetwork, cancellationToken).WaitAsync(s_lookupTimeout, cancellationToken);
            return found.Length == 0 ? null : new IPEndPoint(found[0], port);
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            return null;
        }
    }

    private static double Elapsed(long start) => Math.Round(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 1);
}
