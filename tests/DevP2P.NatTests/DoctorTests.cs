using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using DevP2P.Cli;
using DevP2P.Crypto;
using DevP2P.Discovery;

namespace DevP2P.NatTests;

/// <summary><c>devp2p doctor</c> as an operator runs it, behind routers of several kinds.</summary>
[Collection(NatNetwork.Collection)]
public sealed class DoctorTests
{
    [IsolatedFact]
    public async Task Behind_a_router_that_maps_ports_nothing_is_wrong()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync();
        IPEndPoint stun = await network.StartStunServerAsync();
        await using DiscoveryV4 bootnode = StartBootnode(network);

        (int exit, JsonElement report) = await RunAsync($"--stun {stun} --bootnodes {bootnode.Self}");

        Assert.Equal((0, 0), (exit, report.GetProperty("problems").GetInt32()));
        JsonElement facts = report.GetProperty("facts");
        Assert.Equal(NatNetwork.Router, facts.GetProperty("gateways")[0].GetProperty("address").GetString());
        Assert.Contains(facts.GetProperty("methods").EnumerateArray(), static m => m.GetProperty("method").GetString() == "pcp" && m.GetProperty("externalAddress").GetString() == NatNetwork.RouterOutside);
        Assert.Equal(NatNetwork.RouterOutside, facts.GetProperty("stun").GetProperty("address").GetString());
        JsonElement udp = facts.GetProperty("mappings").EnumerateArray().Single(static m => m.GetProperty("protocol").GetString() == "udp");
        Assert.Equal((30303, true), (udp.GetProperty("externalPort").GetInt32(), udp.GetProperty("isReachable").GetBoolean()));
        Assert.True(facts.GetProperty("bootnodes")[0].GetProperty("milliseconds").GetDouble() > 0);
        // What was tried is removed again.
        Assert.False(await network.ReachesAsync(Nat.NatProtocol.Udp, 30303, 30303));
    }

    [IsolatedFact]
    public async Task Double_nat_is_said_in_words()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(isDouble: true);

        (int exit, JsonElement report) = await RunAsync("--stun none");

        Assert.Equal(1, exit);
        JsonElement finding = Assert.Single(Problems(report), static f => f.GetProperty("topic").GetString() == "double NAT");
        Assert.Contains("public address", finding.GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.Contains("bridge mode", finding.GetProperty("advice").GetString(), StringComparison.Ordinal);
    }

    [IsolatedFact]
    public async Task Behind_a_router_that_maps_nothing_it_says_so()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(startDaemon: false);
        IPEndPoint stun = await network.StartStunServerAsync();

        (int exit, JsonElement report) = await RunAsync($"--stun {stun}");

        Assert.Equal(1, exit);
        JsonElement finding = Assert.Single(Problems(report), static f => f.GetProperty("topic").GetString() == "mapping");
        Assert.Contains("--nat extip:", finding.GetProperty("advice").GetString(), StringComparison.Ordinal);
        Assert.Contains(report.GetProperty("findings").EnumerateArray(), static f => f.GetProperty("text").GetString()!.StartsWith("port-restricted cone", StringComparison.Ordinal));
    }

    [IsolatedFact]
    public async Task A_port_that_is_taken_and_by_what()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync();
        using var taken = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.IPv6Any, 30303));

        (int exit, JsonElement report) = await RunAsync("--nat pmp --stun none");

        Assert.Equal(1, exit);
        JsonElement finding = Assert.Single(Problems(report), static f => f.GetProperty("topic").GetString() == "ports");
        Assert.Contains($"(process {Environment.ProcessId})", finding.GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    private static IEnumerable<JsonElement> Problems(JsonElement report) =>
        report.GetProperty("findings").EnumerateArray().Where(static f => f.GetProperty("severity").GetString() == "Problem");

    /// <summary>A bootnode outside. Its sockets stay where they are made.</summary>
    private static DiscoveryV4 StartBootnode(NatNetwork network) => network.Outside.Create(() =>
    {
        var discovery = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate(), ListenEndPoint = IPEndPoint.Parse($"{NatNetwork.Outsider}:30301") });
        discovery.StartAsync().GetAwaiter().GetResult();
        return discovery;
    });

    private static async Task<(int Exit, JsonElement Report)> RunAsync(string options)
    {
        TextWriter previous = Console.Out;
        using var output = new StringWriter();
        Console.SetOut(output);
        try
        {
            int exit = await CommandLine.RunAsync(["doctor", "--json", "--sntp", "none", .. options.Split(' ')]);
            return (exit, JsonDocument.Parse(output.ToString()).RootElement);
        }
        finally
        {
            Console.SetOut(previous);
        }
    }
}
