using System.CommandLine;
using DevP2P.Cli.Admin;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p run</c>: a node in the foreground, until Ctrl-C or SIGTERM.</summary>
internal static partial class RunCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var command = new ExampleCommand("run",
            "Run a node until Ctrl-C. Flags win over the environment (DEVP2P_MAX_PEERS and so on), the environment over the file.",
            "devp2p run",
            "devp2p run --listen 127.0.0.1:30303 --static enode://<key>@127.0.0.1:30304 --no-discovery",
            "devp2p run --bootnodes enode://<key>@127.0.0.1:30303 --max-peers 50",
            "devp2p run --v5 --bootnodes enr:-IS4Q...",
            "devp2p run --advertise-ip 192.0.2.7 --advertise-tcp 40303 --advertise-udp 40303",
            "devp2p run --http --ipc",
            "devp2p run --http 192.0.2.7:8545 --http-token-file token",
            "devp2p run --upload-limit 10M --peer-upload-limit 512K",
            "devp2p run --config node.toml --log json --verbosity warn",
            "DEVP2P_MAX_PEERS=50 devp2p run --echo");
        var options = new SettingOptions();
        options.AddTo(command);
        command.SetAction(async (parse, _) =>
        {
            NodeConfig config = NodeConfig.Load(options.Read(parse), Environment.GetEnvironmentVariable);
            using var signal = new TerminationSignal();
            return await RunAsync(config, Console.Out, Console.OpenStandardOutput, signal.Token);
        });
        return command;
    }

    /// <summary>Runs a node until <paramref name="stop"/> is cancelled.</summary>
    internal static async Task<int> RunAsync(NodeConfig config, TextWriter text, Func<Stream> openJson, CancellationToken stop)
    {
        using var loggers = new ConsoleLog(Console.Error, config.LogLevel, TimeProvider.System);
        ILogger log = loggers.CreateLogger("devp2p");
        PrivateKey key = LoadKey(config, log);
        using JsonEventLog? json = config.JsonLog ? new JsonEventLog(openJson(), TimeProvider.System) : null;
        await using var server = new Server(CreateOptions(config, key, loggers));
        using PeerEventSubscription events = server.SubscribeEvents();
        Task reporting = json is null
            ? Task.WhenAll(ReportAsync(events, server, log), ReportAsync(server.WatchDials(), log))
            : Task.WhenAll(ReportAsync(events, json), ReportAsync(server.WatchDials(), json));
        await using IAsyncDisposable? admin = config.Http is null && config.IpcPath is null ? null : AdminHost.Create(config, server, loggers);
        await server.StartAsync(stop);
        LogRunning(log, VersionCommand.Version, config.Name);
        if (json is null)
        {
            await text.WriteLineAsync(server.Self.ToString());
            await text.FlushAsync(CancellationToken.None);
        }
        else
        {
            json.Started(server.Self, config.Name, server.ListenEndPoints, config.Echo ? ["echo/1"] : []);
        }

        if (admin is not null)
        {
            await AdminHost.StartAsync(admin, log, json, stop);
        }

        await Task.Delay(Timeout.Infinite, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
        LogStopping(log, server.PeerCount);
        await server.StopAsync();
        events.Dispose();
        await reporting;
        json?.Stopped();
        return CommandLine.Success;
    }

    /// <summary>Logs what is to be said about the settings and reads the node's key, or makes it on first start.</summary>
    internal static PrivateKey LoadKey(NodeConfig config, ILogger log)
    {
        foreach (string warning in config.Warnings)
        {
            LogWarning(log, warning);
        }

        (PrivateKey key, bool created) = KeyFile.LoadOrCreate(config.KeyFile);
        if (created)
        {
            LogKeyCreated(log, config.KeyFile);
        }
        else if (KeyFile.DescribeExposure(config.KeyFile) is { } exposure)
        {
            LogWarning(log, exposure);
        }

        return key;
    }

    private static ServerOptions CreateOptions(NodeConfig config, PrivateKey key, ILoggerFactory loggers) => new()
    {
        PrivateKey = key,
        Name = config.Name,
        MaxPeers = config.MaxPeers,
        MaxPendingPeers = config.MaxPendingPeers,
        DialRatio = config.DialRatio,
        UploadBytesPerSecond = config.UploadLimit,
        DownloadBytesPerSecond = config.DownloadLimit,
        PeerUploadBytesPerSecond = config.PeerUploadLimit,
        PeerDownloadBytesPerSecond = config.PeerDownloadLimit,
        NoDiscovery = config.NoDiscovery,
        DiscoveryV4 = config.DiscoveryV4,
        DiscoveryV5 = config.DiscoveryV5,
        DiscoveryV5Address = config.DiscoveryV5Address,
        LegacyTopicDiscovery = config.LegacyTopicDiscovery,
        BootstrapNodes = config.BootstrapNodes,
        BootstrapNodesV5 = config.BootstrapNodesV5,
        StaticNodes = config.StaticNodes,
        TrustedNodes = config.TrustedNodes,
        NetRestrict = config.NetRestrict,
        Nat = config.Nat,
        AdvertisedEndPoints = config.AdvertisedEndPoints,
        SntpServer = config.SntpServer,
        NodeDatabase = config.NodeDatabase,
        ListenAddress = config.ListenAddress,
        NoDial = config.NoDial,
        EnableMessageEvents = config.MessageEvents,
        Protocols = config.Echo ? [new EchoProtocol().ToProtocol()] : [],
        LoggerFactory = loggers,
    };

    /// <summary>For people: who came and who went. Messages are for scripts, there are too many of them.</summary>
    private static async Task ReportAsync(PeerEventSubscription events, Server server, ILogger log)
    {
        await foreach (PeerEvent e in events)
        {
            switch (e.Type)
            {
                case PeerEventType.Add:
                    string? name = server.Peers.FirstOrDefault(peer => peer.Id == e.Peer)?.FullName;
                    LogPeerAdded(log, e.Peer, e.RemoteAddress, name, server.PeerCount);
                    break;
                case PeerEventType.Drop:
                    LogPeerDropped(log, e.Peer, e.RemoteAddress, e.Error, server.PeerCount);
                    break;
                case PeerEventType.Lagged:
                    LogLagged(log, e.Missed, server.PeerCount);
                    break;
            }
        }
    }

    /// <summary>For scripts: every event as it comes. Flushes when none is waiting, so that a burst costs one system call.</summary>
    private static async Task ReportAsync(PeerEventSubscription events, JsonEventLog json)
    {
        await using IAsyncEnumerator<PeerEvent> enumerator = events.GetAsyncEnumerator();
        while (true)
        {
            ValueTask<bool> next = enumerator.MoveNextAsync();
            if (!next.IsCompleted)
            {
                json.Flush();
            }

            if (!await next)
            {
                return;
            }

            json.Peer(enumerator.Current, flush: false);
        }
    }

    /// <summary>For people: a node that they named and that cannot be reached is theirs to know; those found by chance are not.</summary>
    private static async Task ReportAsync(IAsyncEnumerable<DialAttempt> dials, ILogger log)
    {
        await foreach (DialAttempt attempt in dials)
        {
            if (attempt is { Succeeded: false, IsStatic: true })
            {
                LogDialFailed(log, attempt.Node, attempt.Stage, attempt.Reason, attempt.Duration);
            }
        }
    }

    /// <summary>For scripts: how every dial ended.</summary>
    private static async Task ReportAsync(IAsyncEnumerable<DialAttempt> dials, JsonEventLog json)
    {
        await foreach (DialAttempt attempt in dials)
        {
            json.Dial(attempt);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Text}")]
    private static partial void LogWarning(ILogger logger, string text);

    [LoggerMessage(Level = LogLevel.Information, Message = "Made a new node key file={File}")]
    private static partial void LogKeyCreated(ILogger logger, string file);

    [LoggerMessage(Level = LogLevel.Information, Message = "devp2p is running version={Version} name={Name}")]
    private static partial void LogRunning(ILogger logger, string version, string name);

    [LoggerMessage(Level = LogLevel.Information, Message = "Peer connected id={Id} addr={Address} name={Name} peers={Peers}")]
    private static partial void LogPeerAdded(ILogger logger, NodeId id, string? address, string? name, int peers);

    [LoggerMessage(Level = LogLevel.Information, Message = "Peer dropped id={Id} addr={Address} reason={Reason} peers={Peers}")]
    private static partial void LogPeerDropped(ILogger logger, NodeId id, string? address, string? reason, int peers);

    [LoggerMessage(Level = LogLevel.Information, Message = "Static node cannot be reached node={Node} stage={Stage} reason={Reason} after={After}")]
    private static partial void LogDialFailed(ILogger logger, Node node, DialStage stage, string reason, TimeSpan after);

    [LoggerMessage(Level = LogLevel.Warning, Message = "More happened than could be shown missed={Missed} peers={Peers}")]
    private static partial void LogLagged(ILogger logger, long? missed, int peers);

    [LoggerMessage(Level = LogLevel.Information, Message = "Stopping peers={Peers}")]
    private static partial void LogStopping(ILogger logger, int peers);
}
