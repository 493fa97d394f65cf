using System.CommandLine;
using System.Net;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;
using DevP2P.Crypto;
using DevP2P.Discovery;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p bootnode</c>: discovery and nothing else, in the foreground, until Ctrl-C or SIGTERM.</summary>
internal static class BootnodeCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var command = new ExampleCommand("bootnode",
            "Run a node that does nothing but discovery, for others to start from; it prints its enode URL and its record.",
            "devp2p bootnode --listen 127.0.0.1:30301 --data-dir bootnode",
            "devp2p bootnode --listen :30301 --key-file bootnode.key --bootnodes enode://<key>@127.0.0.1:30303 --log json");
        var options = new SettingOptions();
        options.AddTo(command, Settings.Bootnode);
        command.SetAction(async (parse, _) =>
        {
            NodeConfig config = NodeConfig.Load(options.Read(parse), Environment.GetEnvironmentVariable);
            using var signal = new TerminationSignal();
            return await RunAsync(config, Console.Out, Console.OpenStandardOutput, signal.Token);
        });
        return command;
    }

    /// <summary>Runs it until <paramref name="stop"/> is cancelled.</summary>
    internal static async Task<int> RunAsync(NodeConfig config, TextWriter text, Func<Stream> openJson, CancellationToken stop)
    {
        if (config.ListenAddress is null || !ListenAddress.TryParse(config.ListenAddress, out IPEndPoint? listen))
        {
            throw new CliException("--listen: a bootnode has to listen");
        }

        using var loggers = new ConsoleLog(Console.Error, config.LogLevel, TimeProvider.System);
        PrivateKey key = RunCommand.LoadKey(config, loggers.CreateLogger("devp2p"));
        using JsonEventLog? json = config.JsonLog ? new JsonEventLog(openJson(), TimeProvider.System) : null;
        await using var discovery = new DiscoveryV4(new DiscoveryV4Options
        {
            PrivateKey = key,
            ListenEndPoint = listen,
            BootstrapNodes = config.BootstrapNodes,
            NetRestrict = config.NetRestrict,
            LoggerFactory = loggers,
        });
        await discovery.StartAsync(stop);
        if (json is null)
        {
            await text.WriteLineAsync(discovery.Self.ToString());
            await text.WriteLineAsync(discovery.Self.Record?.ToString());
            await text.FlushAsync(CancellationToken.None);
        }
        else
        {
            json.Started(discovery.Self, discovery.LocalEndPoint!);
        }

        await Task.Delay(Timeout.Infinite, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
        await discovery.StopAsync();
        json?.Stopped();
        return CommandLine.Success;
    }
}
