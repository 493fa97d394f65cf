using System.CommandLine;
using System.Net;
using System.Text.Json;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Doctor;
using DevP2P.Cli.Logging;
using DevP2P.Nat;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p doctor</c>: why a node cannot be reached, and what to do.</summary>
internal static class DoctorCommand
{
    private const string None = "none";

    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var listen = new Option<string>("--listen") { Description = "Where the node would listen", HelpName = "ADDR:PORT", DefaultValueFactory = _ => ":30303" };
        var nat = new Option<string>("--nat") { Description = "Method of port mapping to try: any, upnp, pmp[:IP], pcp[:IP], or none", HelpName = "METHOD", DefaultValueFactory = _ => "any" };
        var stun = new Option<string>("--stun") { Description = "STUN server to ask for our address and the type of the NAT, or none; best one that has two addresses (RFC 5780)", HelpName = "HOST[:PORT]", DefaultValueFactory = _ => "stun.l.google.com:19302" };
        var sntp = new Option<string>("--sntp") { Description = "Time server to compare the clock with, or none", HelpName = "HOST[:PORT]", DefaultValueFactory = _ => "pool.ntp.org" };
        var bootnodes = new Option<string[]>("--bootnodes") { Description = "Ping this node by discovery v4; may be repeated, and commas separate", HelpName = "NODE" };
        var network = new Option<string>("--network") { Description = $"Ping the bootnodes of this network: {string.Join(", ", Networks.Names)}", HelpName = "NAME" };
        var json = new Option<bool>("--json") { Description = "Print one JSON object" };
        var command = new ExampleCommand("doctor",
            "Find out whether others can reach a node here: addresses, gateway, port mapping, NAT, clock, ports and bootnodes; and what to do. It maps the port for a moment. Exits with 1 if there is a problem.",
            "devp2p doctor",
            "devp2p doctor --listen :30304 --network mainnet",
            "devp2p doctor --nat pcp --stun none --sntp none --bootnodes enode://<key>@192.0.2.7:30303 --json")
        { listen, nat, stun, sntp, bootnodes, network, json };
        command.SetAction(async (parse, cancellationToken) =>
        {
            using var signal = new TerminationSignal(cancellationToken);
            var options = new DoctorOptions
            {
                Listen = ListenAddress.TryParse(parse.GetRequiredValue(listen), out IPEndPoint? endPoint) && endPoint.Port != 0
                    ? endPoint
                    : throw new CliException($"--listen: '{parse.GetValue(listen)}' {ListenAddress.Expected}, and not port 0"),
                Methods = ParseMethods(parse.GetRequiredValue(nat)),
                StunServer = OrNone(parse.GetRequiredValue(stun)),
                SntpServer = OrNone(parse.GetRequiredValue(sntp)),
                Bootnodes = [.. ParseNodes(parse.GetValue(bootnodes) ?? []), .. ParseNetwork(parse.GetValue(network))],
            };
            TextWriter errors = parse.InvocationConfiguration.Error;
            DoctorFacts facts = await new DoctorProbe(options, line => errors.WriteLine($"devp2p doctor: {line} ...")).RunAsync(signal.Token);
            return Report(DoctorReport.From(facts), parse.InvocationConfiguration.Output, errors, parse.GetValue(json));
        });
        return command;
    }

    private static int Report(DoctorReport report, TextWriter output, TextWriter errors, bool json)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(report, DoctorJson.Default.DoctorReport));
        }
        else
        {
            report.Print(output);
        }

        if (report.Problems == 0)
        {
            return CommandLine.Success;
        }

        errors.WriteLine($"devp2p: {report.Problems} {(report.Problems == 1 ? "problem" : "problems")} found");
        return CommandLine.Failure;
    }

    /// <summary>"any" means each of them: what every method says is what one wants to see.</summary>
    private static IReadOnlyList<INat> ParseMethods(string text)
    {
        if (!NatMethod.TryParse(text, out INat? method, out string? error))
        {
            throw new CliException($"--nat: {error}");
        }

        return method is null ? [] : method is AutoNat ? [.. NatMethod.MappingMethods(TimeProvider.System)] : [method];
    }

    private static string? OrNone(string text) => text.Equals(None, StringComparison.OrdinalIgnoreCase) ? null : text;

    private static IEnumerable<Node> ParseNodes(string[] texts) => texts
        .SelectMany(static text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        .Select(static text => Node.TryParse(text, out Node? node, out string? error) ? node : throw new CliException($"--bootnodes: '{LogText.Cap(text)}' is not a node: {error}"));

    private static IEnumerable<Node> ParseNetwork(string? name) => name is null || Networks.Names.Contains(name)
        ? Networks.Bootnodes(name)
        : throw new CliException($"--network: '{LogText.Cap(name)}' is not one of {string.Join(", ", Networks.Names)}");
}
