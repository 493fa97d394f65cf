using System.CommandLine;
using System.Text;
using System.Text.Json;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;

namespace DevP2P.Cli.Attach;

/// <summary>What all commands of <c>devp2p attach</c> have in common: where the node is, and how the answer is printed.</summary>
internal sealed class AttachArguments
{
    /// <summary>Where <c>devp2p run --http</c> listens unless it is told otherwise.</summary>
    private static readonly string s_defaultUrl = "http://" + Settings.Http.Implied;

    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(10);

    private readonly Argument<string?> _target = new("TARGET")
    {
        Description = $"The node's URL or Unix socket [default: devp2p.ipc in the data directory if it is there, else {s_defaultUrl}]",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _tokenFile = new("--token-file")
    {
        Description = "Show the token in this file (devp2p run --http-token-file)",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<string?> _dataDirectory = new("--data-dir")
    {
        Description = "The node's data directory, where its socket is looked for",
        HelpName = "DIR",
        Recursive = true,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print what the node answers, one JSON value a line", Recursive = true };

    /// <summary>Adds them to the command above.</summary>
    public void AddTo(Command command)
    {
        command.Add(_target);
        command.Add(_tokenFile);
        command.Add(_dataDirectory);
        command.Add(_json);
    }

    /// <summary>Whether scripts read.</summary>
    public bool Json(ParseResult parse) => parse.GetValue(_json);

    /// <summary>Connects to the node.</summary>
    /// <exception cref="CliException">It cannot be reached.</exception>
    public async Task<RpcClient> ConnectAsync(ParseResult parse, CancellationToken cancellationToken)
    {
        string target = parse.GetValue(_target) ?? FindTarget(parse);
        string? token = parse.GetValue(_tokenFile) is { } file ? ReadToken(file) : null;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(s_connectTimeout);
        try
        {
            return new RpcClient(
                ReadUrl(target) is { } url ? await WebSocketLink.ConnectAsync(url, token, timeout.Token) : await SocketLink.ConnectAsync(target, timeout.Token),
                target);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException($"cannot attach to {target}: no answer within {s_connectTimeout.TotalSeconds} s");
        }
    }

    /// <summary>Connects, calls one method and prints its result.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="method">The method.</param>
    /// <param name="parameters">Each as JSON.</param>
    /// <param name="print">Prints the result for people.</param>
    public async Task<JsonElement> CallAsync(ParseResult parse, string method, string[] parameters, Action<JsonElement, TextWriter> print)
    {
        using var signal = new TerminationSignal();
        await using RpcClient client = await ConnectAsync(parse, signal.Token);
        JsonElement result = await client.CallAsync(method, signal.Token, parameters);
        if (Json(parse))
        {
            Console.Out.WriteLine(Compact(result));
        }
        else
        {
            print(result, Console.Out);
        }

        return result;
    }

    /// <summary>A text as JSON.</summary>
    public static string Quote(string text) => JsonSerializer.Serialize(text, CliJson.Default.String);

    /// <summary>A value in one line, with nothing but ASCII in it.</summary>
    public static string Compact(JsonElement value) => JsonSerializer.Serialize(value, CliJson.Default.JsonElement);

    private static Uri? ReadUrl(string target)
    {
        string url = ListenAddress.TryParse(target, out _) && !target.StartsWith(':') ? "http://" + target : target;
        return Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" or "ws" or "wss" ? uri : null;
    }

    private static string ReadToken(string path)
    {
        const int maxBytes = 1024;
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] content = new byte[maxBytes];
            int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            string token = Encoding.ASCII.GetString(content, 0, length).TrimEnd('\r', '\n');
            return token.Length is > 0 and < maxBytes && token.All(c => c is > ' ' and <= '~')
                ? token
                : throw new CliException($"--token-file: {path} has no token in it");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"--token-file: {LogText.Describe(e)}");
        }
    }

    private string FindTarget(ParseResult parse)
    {
        string socket = NodeConfig.DefaultIpcPath(
            parse.GetValue(_dataDirectory) ?? Environment.GetEnvironmentVariable(Settings.DataDir.Variable!) ?? DataDirectory.Default());
        return File.Exists(socket) ? socket : s_defaultUrl;
    }
}
