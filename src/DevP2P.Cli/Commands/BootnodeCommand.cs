using System.CommandLine;
using System.Net;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;
using DevP2P.Crypto;
using DevP2P.Discovery;
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
            "devp2p bootnode --listen :30301 --v5=false");
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
        await using DiscoveryV4? v4 = !config.DiscoveryV4 ? null : new DiscoveryV4(new DiscoveryV4Options
        {
            PrivateKey = key,
            ListenEndPoint = listen,
            BootstrapNodes = config.BootstrapNodes,
            NetRestrict = config.NetRestrict,
            LoggerFactory = loggers,
        });
        await using DiscoveryV5? v5 = !config.DiscoveryV5 ? null : new DiscoveryV5(new DiscoveryV5Options
        {
            PrivateKey = key,
            ListenEndPoint = listen,
            SharedWith = v4,
            BootstrapNodes = config.BootstrapNodesV5,
            NetRestrict = config.NetRestrict,
            LoggerFactory = loggers,
        });
        await (v4?.StartAsync(stop) ?? Task.CompletedTask);
        await (v5?.StartAsync(stop) ?? Task.CompletedTask);
        Node self = v4?.Self ?? v5!.Self;
        if (json is null)
        {
            await text.WriteLineAsync(self.ToString());
            await text.WriteLineAsync(self.Record?.ToString());
            await text.FlushAsync(CancellationToken.None);
        }
        else
        {
            json.Started(self, (v4?.LocalEndPoint ?? v5!.LocalEndPoint)!);
        }

        await Task.Delay(Timeout.Infinite, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
        await (v5?.StopAsync() ?? Task.CompletedTask);
        await (v4?.StopAsync() ?? Task.CompletedTask);
        json?.Stopped();
        return CommandLine.Success;
    }
}
