using System.CommandLine;
using System.Net;
using System.Text.Json;
using DevP2P.Cli.Configuration;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p key generate|show|rotate</c>: the node's identity.</summary>
internal static class KeyCommand
{
    private static readonly Option<string> s_keyFile = new(Settings.KeyFile.Flag!)
    {
        Description = "The key file (default: nodekey in the data directory)",
        HelpName = "FILE",
        Recursive = true,
    };

    private static readonly Option<string> s_dataDir = new(Settings.DataDir.Flag!)
    {
        Description = "The data directory",
        HelpName = "DIR",
        Recursive = true,
    };

    private static readonly Option<bool> s_json = new("--json") { Description = "Print one JSON object", Recursive = true };

    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var generate = new ExampleCommand("generate", "Make a new key; an existing one is never overwritten.",
            "devp2p key generate",
            "devp2p key generate --key-file /etc/devp2p/nodekey");
        generate.SetAction(parse =>
        {
            string path = PathOf(parse);
            PrivateKey key = KeyFile.Create(path);
            return Print(parse, Report(key, path));
        });

        var rotate = new ExampleCommand("rotate", "Replace the key by a new one; the old one stays beside it with the time in its name.",
            "devp2p key rotate --data-dir ~/node1");
        rotate.SetAction(parse =>
        {
            string path = PathOf(parse);
            (PrivateKey key, string old) = KeyFile.Rotate(path, TimeProvider.System.GetUtcNow());
            return Print(parse, Report(key, path) with { OldKeyFile = old });
        });

        return new ExampleCommand("key", "Make, show or replace the node's key.", "devp2p key generate", "devp2p key show --listen 127.0.0.1:30303")
        {
            s_keyFile,
            s_dataDir,
            s_json,
            generate,
            CreateShow(),
            rotate,
        };
    }

    private static ExampleCommand CreateShow()
    {
        var listen = new Option<string>("--listen") { Description = "Where the node will listen, for the enode URL", HelpName = "ADDR:PORT" };
        var secret = new Option<bool>("--secret") { Description = "Print the private key too" };
        var show = new ExampleCommand("show", "Show the node's id, public key and enode URL.",
            "devp2p key show",
            "devp2p key show --listen 127.0.0.1:30303 --json")
        { listen, secret };
        show.SetAction(parse =>
        {
            string path = PathOf(parse);
            PrivateKey key = KeyFile.Load(path);
            KeyReport report = Report(key, path);
            if (parse.GetValue(listen) is { } address)
            {
                IPEndPoint endPoint = ParseListen(address);
                report = report with { Enode = Node.Create(key.PublicKey, endPoint.Address, endPoint.Port, endPoint.Port).ToString() };
            }

            return Print(parse, parse.GetValue(secret) ? report with { Secret = key.ExportHex() } : report);
        });
        return show;
    }

    private static IPEndPoint ParseListen(string text) =>
        IPEndPoint.TryParse(text, out IPEndPoint? endPoint) && endPoint.Port != 0
            ? endPoint
            : throw new CliException($"--listen: '{text}' is not an address with a port, such as 127.0.0.1:30303");

    private static string PathOf(ParseResult parse) =>
        parse.GetValue(s_keyFile)
        ?? Environment.GetEnvironmentVariable(Settings.KeyFile.Variable!)
        ?? Path.Combine(
            parse.GetValue(s_dataDir) ?? Environment.GetEnvironmentVariable(Settings.DataDir.Variable!) ?? DataDirectory.Default(),
            KeyFile.DefaultName);

    private static KeyReport Report(PrivateKey key, string path) =>
        new(key.PublicKey.NodeId.ToString(), key.PublicKey.ToString(), null, Path.GetFullPath(path), null, null);

    private static int Print(ParseResult parse, KeyReport report)
    {
        if (parse.GetValue(s_json))
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, CliJson.Default.KeyReport));
            return CommandLine.Success;
        }

        Line("node id", report.Id);
        Line("public key", report.PublicKey);
        Line("enode", report.Enode);
        Line("key file", report.KeyFile);
        Line("old key", report.OldKeyFile);
        Line("secret", report.Secret);
        return CommandLine.Success;

        static void Line(string label, string? value)
        {
            if (value is not null)
            {
                Console.Out.WriteLine($"{label + ":",-12}{value}");
            }
        }
    }
}
