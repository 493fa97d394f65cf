using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p topic register</c>: advertises a topic in the foreground.</summary>
internal static class TopicRegister
{
    /// <summary>Makes the command.</summary>
    public static ExampleCommand Create()
    {
        var arguments = new TopicArguments
        {
            Discovery = new DiscoveryArguments<TopicDiscovery>(DiscoveryVersions.Legacy) { TakesBootnodes = true, MayBeAlone = true },
        };
        var command = new ExampleCommand("register",
            "Advertise a topic until Ctrl-C: print our enode URL, then each node that a registration is sent to, the first after a minute or more.",
            "devp2p topic register chess --legacy --bootnodes enode://<key>@127.0.0.1:30303",
            "devp2p topic register chess --legacy --listen :30303 --key-file nodekey --json");
        arguments.AddTo(command);
        command.SetAction((parse, cancellationToken) =>
        {
            string topic = arguments.ReadTopic(parse);
            var lines = new LineWriter(parse.InvocationConfiguration.Output, arguments.Discovery.Json(parse));
            return arguments.Discovery.RunAsync(parse, (discovery, _, stop) => RegisterAsync(discovery, topic, lines, stop), cancellationToken);
        });
        return command;
    }

    /// <summary>Advertises it until <paramref name="stop"/> is cancelled.</summary>
    internal static Task RegisterAsync(TopicDiscovery discovery, string topic, LineWriter lines, CancellationToken stop)
    {
        Node self = discovery.Self;
        lines.Write(
            new TopicStartedReport("started", topic, self.ToString(), self.Id.ToString(), discovery.LocalEndPoint!.ToString()),
            CliJson.Default.TopicStartedReport,
            self.ToString());
        discovery.RegisterTopic(topic, new Registrations(lines), stop);
        return Task.Delay(Timeout.Infinite, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
    }

    /// <summary>Prints them as they are sent.</summary>
    private sealed class Registrations(LineWriter lines) : IProgress<Node>
    {
        public void Report(Node value)
        {
            FoundNodeReport report = FoundNodeReport.From(value);
            lines.Write(new ListenNodeReport("registration", report), CliJson.Default.ListenNodeReport, $"registration sent to {report}");
        }
    }
}
