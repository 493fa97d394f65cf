using System.CommandLine;
using System.Net;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p bootnode</c>: discovery and nothing else, in the foreground, until Ctrl-C or SIGTERM.</summary>
internal static class BootnodeCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var command = new ExampleCommand("bootnode",
            "Run a node that does nothing but discovery v4 and v5.1, for others to start from; it prints its enode URL and its record.",
            "devp2p bootnode --listen 127.0.0.1:30301 --data-dir bootnode",
            "devp2p bootnode --listen :30301 --key-file bootnode.key --bootnodes enode://<key>@127.0.0.1:30303 --log json",
            "devp2p bootnode --listen :30301 --v5=false --nat any",
            "devp2p bootnode --listen :30301 --advertise-ip 192.0.2.7 --advertise-udp 40301");
        var options = new SettingOptions();
        options.AddTo(command, Settings.Bootnode);
        command.SetAction(async (parse, _) =>
        {
            NodeConfig config = NodeConfig.Load(options.Read(parse), Environment.GetEnvironmentVariable, Defaults);
            using var signal = new TerminationSignal();
            return await RunAsync(config, Console.Out, Console.OpenStandardOutput, signal.Token);
        });
        return command;
    }

    /// <summary>Both versions, unless somebody turns one off.</summary>
    internal static RawValue? Defaults(Setting setting) => setting == Settings.DiscoveryV5 ? new RawValue(["true"], "default") : null;

    /// <summary>Runs it until <paramref name="stop"/> is cancelled.</summary>
    internal static async Task<int> RunAsync(NodeConfig config, TextWriter text, Func<Stream> openJson, CancellationToken stop)
    {
        if (config.ListenAddress is null || !ListenAddress.TryParse(config.ListenAddress, out IPEndPoint? listen))
        {
            throw new CliException("--listen: a bootnode has to listen");
        }

        if (!config.DiscoveryV4 && !config.DiscoveryV5)
        {
            throw new CliException("a bootnode needs --v4, --v5 or both");
        }

        using var loggers = new ConsoleLog(Console.Error, config.LogLevel, TimeProvider.System);
        PrivateKey key = RunCommand.LoadKey(config, loggers.CreateLogger("devp2p"));
        using JsonEventLog? json = config.JsonLog ? new JsonEventLog(openJson(), TimeProvider.System) : null;
        await using var server = new Server(new ServerOptions
        {
            PrivateKey = key,
            NoDial = true,
            DiscoveryEndPoint = listen,
            DiscoveryV4 = config.DiscoveryV4,
            DiscoveryV5 = config.DiscoveryV5,
            BootstrapNodes = config.BootstrapNodes,
            BootstrapNodesV5 = config.BootstrapNodesV5,
            NetRestrict = config.NetRestrict,
            Nat = config.Nat,
            AdvertisedEndPoints = config.AdvertisedEndPoints,
            LoggerFactory = loggers,
        });
        await server.StartAsync(stop);
        Node self = server.Self;
        if (json is null)
        {
            await text.WriteLineAsync(self.ToString());
            await text.WriteLineAsync(self.Record?.ToString());
            await text.FlushAsync(CancellationToken.None);
        }
        else
        {
            json.Started(self, (server.DiscoveryV4?.LocalEndPoint ?? server.DiscoveryV5!.LocalEndPoint)!);
        }

        await Task.Delay(Timeout.Infinite, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
        await server.StopAsync();
        json?.Stopped();
        return CommandLine.Success;
    }
}
