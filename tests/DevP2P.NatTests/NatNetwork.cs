using System.Net;
using System.Net.Sockets;
using System.Text;
using DevP2P.Nat;

namespace DevP2P.NatTests;

/// <summary>
/// A home with its router, and the internet: this process is the host at home, in the network namespace that it was started in; the
/// router and one host outside have namespaces of their own. Nothing else exists there.
/// </summary>
/// <remarks>
/// Commands of the system make it, in the names of the two namespaces; those vanish with the namespace of mounts that this process is in.
/// <code>
/// home: this process, 192.168.77.2 (and .3) - router: 192.168.77.1, miniupnpd, 44.128.0.1 - outside: 44.128.0.2 and 44.128.0.3
/// </code>
/// The router forwards what goes out and what was mapped, and drops the rest.
/// </remarks>
internal sealed class NatNetwork : IAsyncDisposable
{
    /// <summary>All tests are in this collection, and thus run one after the other: they share the namespace of this process.</summary>
    public const string Collection = "one network";

    public const string Router = "192.168.77.1";
    public const string Host = "192.168.77.2";
    public const string NewHost = "192.168.77.9";
    public const string OtherHost = "192.168.77.3";
    public const string RouterOutside = "44.128.0.1";
    public const string Outsider = "44.128.0.2";
    public const string SecondOutsider = "44.128.0.3";

    /// <summary>The address outside after <see cref="ChangeOuterAddressAsync"/>.</summary>
    public const string NewRouterOutside = "44.128.0.77";

    /// <summary>The address outside of a router that is behind another one.</summary>
    public const string PrivateRouterOutside = "10.7.7.1";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly NetworkNamespace _router = new("router");
    private readonly NetworkNamespace _outside = new("outside");
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("devp2p-nat-");
    private ChildProcess? _miniupnpd;
    private ChildProcess? _turnserver;

    private NatNetwork()
    {
    }

    /// <summary>The host outside.</summary>
    public NetworkNamespace Outside => _outside;

    /// <summary>Makes the network, and starts the router's daemon.</summary>
    /// <param name="igd1">Whether it says that it is an IGD of version 1, as most routers do.</param>
    /// <param name="isDouble">Whether the router's own address outside is private.</param>
    /// <param name="startDaemon">Whether it has a daemon at all.</param>
    public static async Task<NatNetwork> CreateAsync(bool igd1 = false, bool isDouble = false, bool startDaemon = true)
    {
        var network = new NatNetwork();
        try
        {
            await network.MakeAsync(isDouble);
            if (startDaemon)
            {
                await network.StartMiniupnpdAsync(igd1);
            }

            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts <c>miniupnpd</c>: UPnP, NAT-PMP and PCP.</summary>
    public async Task StartMiniupnpdAsync(bool igd1 = false)
    {
        string configuration = Path.Combine(_files.FullName, "miniupnpd.conf");
        await File.WriteAllTextAsync(configuration, $"""
            ext_ifname=ext0
            listening_ip=lan0
            port=5000
            ipv6_disable=yes
            enable_natpmp=yes
            enable_upnp=yes
            secure_mode=yes
            system_uptime=no
            force_igd_desc_v1={(igd1 ? "yes" : "no")}
            notify_interval=30
            min_lifetime=2
            max_lifetime=86400
            clean_ruleset_interval=60
            lease_file={_files.FullName}/leases
            uuid=00000000-1111-2222-3333-444444444444
            serial=1
            model_number=1
            friendly_name=devp2p-test-igd
            upnp_table_name=miniupnpd
            upnp_nat_table_name=miniupnpd
            upnp_forward_chain=miniupnpd
            upnp_nat_chain=prerouting_miniupnpd
            upnp_nat_postrouting_chain=postrouting_miniupnpd
            allow 1024-65535 192.168.77.0/24 1024-65535
            deny 0-65535 0.0.0.0/0 0-65535

            """);
        _miniupnpd = ChildProcess.Start($"ip netns exec router miniupnpd -d -f {configuration} -P {_files.FullName}/miniupnpd.pid");
        await UntilAsync(() => _miniupnpd.Output.Contains("Listening for NAT-PMP/PCP", StringComparison.Ordinal), () => $"miniupnpd listens: {_miniupnpd.Output}");
    }

    /// <summary>Stops the daemon. Its mappings are gone with it.</summary>
    public async Task StopMiniupnpdAsync()
    {
        await _miniupnpd!.DisposeAsync();
        await ChildProcess.RunAsync("ip netns exec router nft -f -", "flush chain inet miniupnpd miniupnpd\nflush chain inet miniupnpd prerouting_miniupnpd\nflush chain inet miniupnpd postrouting_miniupnpd\n");
        File.Delete(Path.Combine(_files.FullName, "leases"));
        File.Delete(Path.Combine(_files.FullName, "miniupnpd.pid"));
    }

    /// <summary>The daemon's log.</summary>
    public string DaemonLog => _miniupnpd?.Output ?? "";

    /// <summary>Starts a STUN server (<c>coturn</c>) outside, on both of its addresses and on two ports.</summary>
    public async Task<IPEndPoint> StartStunServerAsync()
    {
        _turnserver = ChildProcess.Start(
            $"ip netns exec outside turnserver -n --stun-only --no-auth --no-tls --no-dtls --no-cli --log-file=stdout --listening-ip={Outsider} --listening-ip={SecondOutsider} --listening-port=3478 --alt-listening-port=3479 --pidfile={_files.FullName}/turnserver.pid --db={_files.FullName}/turndb");
        using Socket probe = Outside.BindUdp(Outsider);
        byte[] request = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, .. new byte[12]];
        byte[] answer = new byte[512];
        await UntilAsync(
            () =>
            {
                probe.SendTo(request, new IPEndPoint(IPAddress.Parse(Outsider), 3478));
                return probe.Poll(TimeSpan.FromMilliseconds(200), SelectMode.SelectRead) && probe.Receive(answer) > 20;
            },
            () => $"coturn answers: {_turnserver.Output}");
        return new IPEndPoint(IPAddress.Parse(Outsider), 3478);
    }

    /// <summary>The router gets another address outside.</summary>
    public static async Task ChangeOuterAddressAsync()
    {
        await ChildProcess.RunAsync($"ip -n router addr add {NewRouterOutside}/24 dev ext0");
        await ChildProcess.RunAsync($"ip -n router addr del {RouterOutside}/24 dev ext0");
        // The next address of the same subnet is kept only if it is asked for.
        await ChildProcess.RunAsync($"ip -n router addr replace {NewRouterOutside}/24 dev ext0");
    }

    /// <summary>The host outside gets addresses in networks of their own, to which the router knows the way.</summary>
    public static async Task<IReadOnlyList<string>> AddOutsidersAsync(int count)
    {
        string[] addresses = [.. Enumerable.Range(1, count).Select(static i => $"45.{i}.1.1")];
        foreach (string address in addresses)
        {
            await ChildProcess.RunAsync($"ip -n outside addr add {address}/32 dev wan0");
        }

        await ChildProcess.RunAsync($"ip -n router route add 45.0.0.0/8 via {Outsider}");
        return addresses;
    }

    /// <summary>This host gets another address at home.</summary>
    public static async Task ChangeHostAddressAsync()
    {
        await ChildProcess.RunAsync($"ip addr add {NewHost}/24 dev lan1");
        await ChildProcess.RunAsync($"ip addr del {Host}/24 dev lan1");
        await ChildProcess.RunAsync($"ip addr replace {NewHost}/24 dev lan1");
        await ChildProcess.RunAsync($"ip route replace default via {Router}");
    }

    /// <summary>
    /// Whether what is sent from outside to an external port arrives at an internal one, for a while: mappings take effect when the
    /// router says so, and a lost datagram is no news.
    /// </summary>
    public async Task<bool> ReachesAsync(NatProtocol protocol, int externalPort, int internalPort, string outer = RouterOutside)
    {
        var to = new IPEndPoint(IPAddress.Parse(outer), externalPort);
        return protocol == NatProtocol.Udp ? await ReachesUdpAsync(to, internalPort) : await ReachesTcpAsync(to, internalPort);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ChildProcess? child in new[] { _miniupnpd, _turnserver })
        {
            if (child is not null)
            {
                await child.DisposeAsync();
            }
        }

        foreach (string command in new[] { "ip link del lan1", "ip netns del router", "ip netns del outside" })
        {
            try
            {
                await ChildProcess.RunAsync(command);
            }
            catch (InvalidOperationException)
            {
                // It was not made.
            }
        }

        _files.Delete(recursive: true);
    }

    /// <summary>Waits until something is so.</summary>
    public static async Task UntilAsync(Func<bool> condition, Func<string> what, TimeSpan? deadline = null)
    {
        DateTime end = DateTime.UtcNow + (deadline ?? Deadline);
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < end, $"waited in vain until {what()}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    private async Task MakeAsync(bool isDouble)
    {
        string[] commands =
        [
            "ip link set lo up",
            "ip netns add router",
            "ip netns add outside",
            "ip link add lan1 type veth peer name lan0 netns router",
            "ip -n router link add ext0 type veth peer name wan0 netns outside",
            $"ip addr add {Host}/24 dev lan1",
            $"ip addr add {OtherHost}/24 dev lan1",
            "ip link set lan1 up",
            $"ip -n router addr add {Router}/24 dev lan0",
            $"ip -n router addr add {(isDouble ? PrivateRouterOutside : RouterOutside)}/24 dev ext0",
            "ip -n router link set lo up",
            "ip -n router link set lan0 up",
            "ip -n router link set ext0 up",
            $"ip -n outside addr add {(isDouble ? "10.7.7.2" : Outsider)}/24 dev wan0",
            $"ip -n outside addr add {(isDouble ? "10.7.7.3" : SecondOutsider)}/24 dev wan0",
            "ip -n outside link set lo up",
            "ip -n outside link set wan0 up",
            $"ip route add default via {Router}",
            "ip netns exec router sysctl -qw net.ipv4.ip_forward=1",
        ];
        foreach (string command in commands)
        {
            await ChildProcess.RunAsync(command);
        }

        await ChildProcess.RunAsync("ip netns exec router nft -f -", """
            table inet miniupnpd {
              chain forward {
                type filter hook forward priority 0; policy drop;
                ct state established,related accept
                iifname "lan0" oifname "ext0" accept
                jump miniupnpd
              }
              chain miniupnpd { }
              chain prerouting { type nat hook prerouting priority -100; policy accept; jump prerouting_miniupnpd; }
              chain postrouting { type nat hook postrouting priority 100; policy accept; jump postrouting_miniupnpd; oifname "ext0" masquerade; }
              chain prerouting_miniupnpd { }
              chain postrouting_miniupnpd { }
            }

            """);
    }

    private async Task<bool> ReachesUdpAsync(IPEndPoint to, int internalPort)
    {
        using var inside = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        inside.Bind(new IPEndPoint(IPAddress.Parse(Host), internalPort));
        using Socket outside = _outside.BindUdp("0.0.0.0");
        byte[] received = new byte[64];
        for (int attempt = 0; attempt < 5; attempt++)
        {
            byte[] sent = Encoding.ASCII.GetBytes($"{Guid.NewGuid()}");
            outside.SendTo(sent, to);
            using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
            try
            {
                SocketReceiveFromResult result = await inside.ReceiveFromAsync(received, new IPEndPoint(IPAddress.Any, 0), limit.Token);
                return received.AsSpan(0, result.ReceivedBytes).SequenceEqual(sent);
            }
            catch (OperationCanceledException)
            {
                // Once more.
            }
        }

        return false;
    }

    private async Task<bool> ReachesTcpAsync(IPEndPoint to, int internalPort)
    {
        using var inside = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        inside.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        inside.Bind(new IPEndPoint(IPAddress.Parse(Host), internalPort));
        inside.Listen();
        using Socket outside = _outside.CreateTcp();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            Task<Socket> accepting = inside.AcceptAsync(limit.Token).AsTask();
            await outside.ConnectAsync(to, limit.Token);
            using Socket accepted = await accepting;
            return true;
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            return false;
        }
    }
}
