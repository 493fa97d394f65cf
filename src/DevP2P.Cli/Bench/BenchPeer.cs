using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;
using DevP2P.Cli.Configuration;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>What the other process of a measurement does: says who it is, then answers one line by one until its input ends.</summary>
internal static class BenchPeer
{
    public const string CommandName = "bench-peer";
    public const string CostLine = "cost";
    public const string CollectLine = "collect";
    public const string CountLine = "count";
    public const string SunkLine = "sunk";
    public const string LiveLine = "live";
    public const string ConnectLine = "connect";
    public const string EchoLine = "echo";

    /// <summary>Makes the command, which is not for people.</summary>
    public static Command Create()
    {
        var role = new Argument<string>("ROLE") { Description = "server, fleet, discv4 or discv5" };
        role.AcceptOnlyFromAmong("server", "fleet", "discv4", "discv5");
        var command = new ExampleCommand(CommandName, "The other end of 'devp2p bench', which starts it.", $"devp2p {CommandName} server") { role };
        command.Hidden = true;
        command.SetAction((parse, _) => RunAsync(parse.GetRequiredValue(role)));
        return command;
    }

    /// <summary>A server that speaks the test protocol.</summary>
    public static ServerOptions ServerOptions(Protocol protocol, int maxPeers, bool listens) => new()
    {
        PrivateKey = PrivateKey.Generate(),
        Name = NodeConfig.DefaultName(null),
        MaxPeers = maxPeers,
        MaxPendingPeers = Math.Max(50, maxPeers / 10),
        NoDiscovery = true,
        NoDial = listens,
        ListenAddress = listens ? "127.0.0.1:0" : null,
        Protocols = [protocol],
    };

    private static async Task<int> RunAsync(string role)
    {
        switch (role)
        {
            case "server":
                var echo = new EchoProtocol();
                await using (var server = new Server(ServerOptions(echo.ToProtocol(), Fleet.MaxPeers, listens: true)))
                {
                    await server.StartAsync();
                    await AnswerAsync(server.Self.ToString(), (word, _) => Task.FromResult(word switch
                    {
                        CountLine => Text(server.PeerCount),
                        SunkLine => Text(echo.SunkMessages),
                        _ => null,
                    }));
                }

                break;
            case "fleet":
                await using (var fleet = new Fleet())
                {
                    await AnswerAsync("ready", async (word, rest) => word switch
                    {
                        ConnectLine => Text(await fleet.ConnectAsync(int.Parse(rest[0], CultureInfo.InvariantCulture), Node.Parse(rest[1]))),
                        EchoLine => Text(await fleet.EchoAsync()),
                        CountLine => Text(fleet.Received),
                        _ => null,
                    });
                }

                break;
            case "discv4":
                await using (var discovery = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate() }))
                {
                    await discovery.StartAsync();
                    await AnswerAsync(discovery.Self.ToString(), (word, _) => Task.FromResult(word == LiveLine ? Text(CountLive(discovery.GetTable())) : null));
                }

                break;
            case "discv5":
                await using (var discovery = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate(), ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) }))
                {
                    await discovery.StartAsync();
                    await AnswerAsync(discovery.LocalRecord.ToString(), (word, _) => Task.FromResult(word == CountLine ? Text(discovery.NodeCount) : null));
                }

                break;
        }

        return CommandLine.Success;
    }

    private static int CountLive(RoutingTable table) => table.Buckets.Sum(static bucket => bucket.Entries.Count(static entry => entry.IsLive));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task AnswerAsync(string greeting, Func<string, string[], Task<string?>> answer)
    {
        Console.Out.WriteLine(greeting);
        while (await Console.In.ReadLineAsync() is { } line)
        {
            string[] words = line.Split(' ');
            if (words[0] == CollectLine)
            {
                // What is free goes back to the system: resident is then what is used.
                GC.Collect();
                GC.WaitForPendingFinalizers();
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }

            Console.Out.WriteLine(words[0] is CostLine or CollectLine
                ? JsonSerializer.Serialize(ProcessCost.Now(), CliJson.Default.ProcessCost)
                : await answer(words[0], words[1..]) ?? "?");
        }
    }
}
