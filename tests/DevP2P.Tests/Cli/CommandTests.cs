using System.Diagnostics;
using System.Text.Json;
using DevP2P.Cli;
using Xunit;

namespace DevP2P.Tests.Cli;

/// <summary>The command as a process of its own: what is printed where, exit codes, signals.</summary>
public sealed class CommandTests
{
    [Fact]
    public async Task Every_command_explains_itself_with_examples()
    {
        string[][] commands = [.. Paths(CommandLine.CreateRoot(), [])];
        Assert.Contains(commands, path => path.SequenceEqual(["key", "rotate"]));
        Result[] results = await Task.WhenAll(commands.Select(path => RunAsync([.. path, "--help"])));
        foreach ((string[] path, Result result) in commands.Zip(results))
        {
            Assert.Equal((0, ""), (result.ExitCode, result.Error));
            Assert.Contains("Usage:", result.Output, StringComparison.Ordinal);
            if (path.Length > 0)
            {
                Assert.Contains("Examples:" + Environment.NewLine + "  ", result.Output, StringComparison.Ordinal);
                Assert.Contains("devp2p " + string.Join(' ', path), result.Output, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("", "no command given")]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("run --maxpeers 3", "--maxpeers")]
    [InlineData("echo", "ENODE")]
    public async Task A_wrong_command_line_is_one_line_and_exit_code_2(string arguments, string part)
    {
        Result result = await RunAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Contains(part, OneLine(result.Error), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run --max-peers x", "devp2p: --max-peers: 'x' is not a whole number from 0 to 2147483647")]
    [InlineData("run --config /nonexistent", "devp2p: cannot read the settings file: ")]
    [InlineData("ping enode://00@x", "devp2p: 'enode://00@x' is not a node: ")]
    [InlineData("demo --for never", "devp2p: --for: 'never' is not a time")]
    [InlineData("bootnode --listen none", "devp2p: --listen: a bootnode has to listen")]
    [InlineData("bootnode --v4=false --v5=false", "devp2p: a bootnode needs --v4, --v5 or both")]
    [InlineData("discv5 ping enode://00@x", "devp2p: 'enode://00@x' is not a node: ")]
    [InlineData("topic search foo", "devp2p: --legacy is needed: ")]
    [InlineData("discv4 ping enode://00@x", "devp2p: 'enode://00@x' is not a node: ")]
    [InlineData("demo --nodes 1", "devp2p: --nodes: 1 is not between 2 and 100")]
    public async Task A_failure_is_one_line_and_exit_code_1(string arguments, string start)
    {
        Result result = await RunAsync(arguments.Split(' '));
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.StartsWith(start, OneLine(result.Error), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_generate_show_and_rotate()
    {
        using var directory = new TempDirectory();
        string path = directory["nodekey"];
        using JsonDocument generated = JsonDocument.Parse((await RunAsync("key", "generate", "--key-file", path, "--json")).Output);
        string id = generated.RootElement.GetProperty("id").GetString()!;
        Assert.False(generated.RootElement.TryGetProperty("secret", out _));

        Result again = await RunAsync("key", "generate", "--key-file", path);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("exists", OneLine(again.Error), StringComparison.Ordinal);

        Result shown = await RunAsync("key", "show", "--data-dir", directory.Path_, "--listen", "127.0.0.1:30303");
        Assert.Contains(id, shown.Output, StringComparison.Ordinal);
        Assert.Contains("@127.0.0.1:30303", shown.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(File.ReadAllText(path), shown.Output, StringComparison.Ordinal);
        Result secret = await RunAsync("key", "show", "--key-file", path, "--secret");
        Assert.Contains(File.ReadAllText(path), secret.Output, StringComparison.Ordinal);

        Result rotated = await RunAsync("key", "rotate", "--key-file", path);
        Assert.Equal(0, rotated.ExitCode);
        Assert.DoesNotContain(id, rotated.Output, StringComparison.Ordinal);
        Assert.Equal(2, Directory.GetFiles(directory.Path_).Length);
    }

    [Fact]
    public async Task Version()
    {
        Result result = await RunAsync("version", "--json");
        using JsonDocument json = JsonDocument.Parse(result.Output);
        Assert.Equal(0, result.ExitCode);
        Assert.Matches("^[0-9]+\\.[0-9]+\\.[0-9]+", json.RootElement.GetProperty("version").GetString());
        Assert.Equal(DevP2P.Crypto.CryptoBackend.Name, json.RootElement.GetProperty("crypto").GetString());
        Assert.StartsWith(".NET 10.", json.RootElement.GetProperty("runtime").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_nodes_a_ping_and_an_echo()
    {
        using var directory = new TempDirectory();
        await using Node first = await Node.StartAsync("--data-dir", directory["1"], "--echo", "--message-events");
        string enode = first.Started.GetProperty("enode").GetString()!;
        await using Node second = await Node.StartAsync("--data-dir", directory["2"], "--echo", "--static", enode);
        string firstId = first.Started.GetProperty("id").GetString()!;
        string secondId = second.Started.GetProperty("id").GetString()!;

        JsonElement dial = await second.WaitAsync("dial");
        Assert.True(dial.GetProperty("ok").GetBoolean(), dial.GetRawText());
        Assert.Equal("admitted", dial.GetProperty("stage").GetString());
        Assert.Equal(firstId, (await second.WaitAsync("add")).GetProperty("peer").GetString());
        Assert.Equal(secondId, (await first.WaitAsync("add", secondId)).GetProperty("peer").GetString());

        Result ping = await RunAsync("ping", enode, "--count", "2", "--json");
        using JsonDocument pinged = JsonDocument.Parse(ping.Output);
        Assert.Equal(0, ping.ExitCode);
        Assert.Equal(2, pinged.RootElement.GetProperty("roundTripsMs").GetArrayLength());
        Assert.StartsWith("devp2p/v", pinged.RootElement.GetProperty("hello").GetProperty("name").GetString(), StringComparison.Ordinal);
        Assert.Equal("echo/1", pinged.RootElement.GetProperty("hello").GetProperty("capabilities")[0].GetString());

        Result echo = await RunAsync("echo", enode, "--count", "50", "--size", "1000", "--window", "8", "--json");
        using JsonDocument echoed = JsonDocument.Parse(echo.Output);
        Assert.Equal(0, echo.ExitCode);
        Assert.Equal((50, 0), (echoed.RootElement.GetProperty("roundTrips").GetInt32(), echoed.RootElement.GetProperty("wrong").GetInt32()));
        JsonElement message = await first.WaitAsync("msgrecv");
        Assert.Equal(("echo", 0, 1000), (message.GetProperty("protocol").GetString(), message.GetProperty("msg_code").GetInt32(), message.GetProperty("msg_size").GetInt32()));

        await second.StopAsync();
        JsonElement drop = await first.WaitAsync("drop", secondId);
        Assert.Equal("client quitting", drop.GetProperty("error").GetString());
        await first.StopAsync();
        await first.WaitAsync("stopped");
    }

    [Fact]
    public async Task A_ping_that_fails_says_why()
    {
        Result nobody = await RunAsync("ping",
            "enode://6332792c4a00e3e4ee0926ed89e0d27ef985424d97b6a45bf0f23e51f0dcb5e66b875777506458aea7af6f9e4ffb69f43f3778ee73c81ed9d34c51c4b16b0b0f@127.0.0.1:1");
        Assert.Equal(1, nobody.ExitCode);
        Assert.Contains("connect", OneLine(nobody.Error), StringComparison.OrdinalIgnoreCase);

        using var directory = new TempDirectory();
        await using Node node = await Node.StartAsync("--data-dir", directory["1"], "--echo");
        Result useless = await RunAsync("ping", node.Started.GetProperty("enode").GetString()!, "--cap", "nothing/1", "--json");
        Assert.Equal(1, useless.ExitCode);
        Assert.Contains("useless peer", OneLine(useless.Error), StringComparison.Ordinal);
        using JsonDocument report = JsonDocument.Parse(useless.Output);
        Assert.Equal("useless peer (0x03)", report.RootElement.GetProperty("disconnect").GetString());
        await node.StopAsync();
    }

    [Fact]
    public async Task A_bootnode_is_asked_and_stops()
    {
        using var directory = new TempDirectory();
        await using Node first = await Node.StartCommandAsync("bootnode", "--data-dir", directory["1"]);
        string enode = first.Started.GetProperty("enode").GetString()!;
        await using Node second = await Node.StartCommandAsync("bootnode", "--key-file", directory["2"], "--bootnodes", enode);

        // Of ten one is answered in time, however busy the machine is.
        Result ping = await RunAsync("discv4", "ping", enode, "--count", "10", "--json");
        using JsonDocument pinged = JsonDocument.Parse(ping.Output);
        Assert.Equal(0, ping.ExitCode);
        Assert.Equal(10, pinged.RootElement.GetProperty("roundTripsMs").GetArrayLength());
        Assert.StartsWith("127.0.0.1:", pinged.RootElement.GetProperty("seenAs").GetString(), StringComparison.Ordinal);

        Assert.Equal(
            first.Started.GetProperty("id").GetString(), DevP2P.Nodes.Node.Parse(first.Started.GetProperty("record").GetString()!).Id.ToString());

        // v5.1 is on the same port.
        Result ping5 = await RunAsync("discv5", "ping", first.Started.GetProperty("record").GetString()!, "--count", "10", "--json");
        Assert.Equal(0, ping5.ExitCode);

        await first.StopAsync();
        await first.WaitAsync("stopped");
        await second.StopAsync();
    }

    [Theory]
    [InlineData("run", 30305)]
    [InlineData("bootnode", null)]
    public async Task The_record_names_what_is_advertised(string command, int? tcp)
    {
        using var directory = new TempDirectory();
        string[] tcpFlag = tcp is null ? [] : ["--advertise-tcp", $"{tcp}"];
        string[] arguments = ["--advertise-ip", "44.128.0.7,2a00::7", "--advertise-udp", "30304", "--advertise-udp6", "30306", .. tcpFlag];
        await using Node node = await Node.StartCommandAsync([command, "--data-dir", directory["1"], .. arguments]);
        var record = DevP2P.Nodes.NodeRecord.Parse(node.Started.GetProperty("record").GetString()!);
        Assert.Equal(
            ("44.128.0.7", "2a00::7", 30304, 30306, tcp),
            ($"{record.IPv4Address}", $"{record.IPv6Address}", record.UdpPort, record.Udp6Port, record.TcpPort));
        await node.StopAsync();
    }

    [Fact]
    public async Task A_node_with_v5_is_found_by_it()
    {
        using var directory = new TempDirectory();
        await using Node bootnode = await Node.StartCommandAsync("bootnode", "--data-dir", directory["1"], "--v4=false");
        string record = bootnode.Started.GetProperty("record").GetString()!;
        await using Node node = await Node.StartCommandAsync("run", "--data-dir", directory["2"], "--v4=false", "--v5", "--echo", "--bootnodes", record);
        await using Node other = await Node.StartCommandAsync("run", "--data-dir", directory["3"], "--v4=false", "--v5", "--echo", "--bootnodes", record);
        Assert.Equal(other.Started.GetProperty("id").GetString(), (await node.WaitAsync("add")).GetProperty("peer").GetString());
    }

    [Fact]
    public async Task A_node_with_legacy_topics_answers_those_who_register_and_search()
    {
        using var directory = new TempDirectory();
        await using Node node = await Node.StartCommandAsync("run", "--data-dir", directory["1"], "--v4=false", "--legacy-topics");
        string enode = node.Started.GetProperty("enode").GetString()!;
        await using Node other = await Node.StartCommandAsync("run", "--data-dir", directory["2"], "--legacy-topics", "--bootnodes", enode);

        // With nobody there, the error would be another one.
        Result search = await RunAsync("topic", "search", "foo", "--legacy", "--bootnodes", other.Started.GetProperty("enode").GetString()!, "--for", "5s");
        Assert.Equal((1, "devp2p: no node was found that advertises 'foo'"), (search.ExitCode, OneLine(search.Error)));
    }

    /// <summary>All that people see.</summary>
    private static IEnumerable<string[]> Paths(System.CommandLine.Command command, string[] path) =>
        command.Subcommands.Where(sub => !sub.Hidden).SelectMany(sub => Paths(sub, [.. path, sub.Name])).Prepend(path);

    private static string OneLine(string text)
    {
        Assert.Equal(text.TrimEnd().Length + Environment.NewLine.Length, text.Length);
        Assert.DoesNotContain('\n', text.TrimEnd());
        return text.TrimEnd();
    }

    internal static async Task<Result> RunAsync(params string[] arguments)
    {
        using Process process = Start(arguments);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return new Result(process.ExitCode, await output, await error);
        }
        finally
        {
            process.Kill();
        }
    }

    private static Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.ArgumentList.Add(typeof(CommandLine).Assembly.Location);
        Array.ForEach(arguments, start.ArgumentList.Add);
        return Process.Start(start)!;
    }

    internal sealed record Result(int ExitCode, string Output, string Error);

    /// <summary>A <c>devp2p run --log json</c>, or another command that runs until it is told to stop.</summary>
    private sealed class Node : IAsyncDisposable
    {
        private readonly Process _process;
        private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
        private readonly List<JsonElement> _events = [];

        private Node(Process process)
        {
            _process = process;
            _process.ErrorDataReceived += static (_, _) => { };
            _process.BeginErrorReadLine();
        }

        public JsonElement Started { get; private set; }

        public static Task<Node> StartAsync(params string[] arguments) => StartCommandAsync(["run", "--no-discovery", .. arguments]);

        public static async Task<Node> StartCommandAsync(params string[] arguments)
        {
            var node = new Node(Start([.. arguments, "--log", "json", "--listen", "127.0.0.1:0"]));
            try
            {
                node.Started = await node.WaitAsync("started");
                return node;
            }
            catch
            {
                await node.DisposeAsync();
                throw;
            }
        }

        /// <summary>The first event of this kind that no earlier call returned, among those that came and those that are to come.</summary>
        public async Task<JsonElement> WaitAsync(string name, string? peer = null)
        {
            while (true)
            {
                int index = _events.FindIndex(e => e.GetProperty("event").GetString() == name
                    && (peer is null || e.GetProperty("peer").GetString() == peer));
                if (index >= 0)
                {
                    JsonElement found = _events[index];
                    _events.RemoveAt(index);
                    return found;
                }

                string line = await _process.StandardOutput.ReadLineAsync(_deadline.Token)
                    ?? throw new InvalidOperationException($"the node ended before the event {name}");
                using JsonDocument json = JsonDocument.Parse(line);
                _events.Add(json.RootElement.Clone());
            }
        }

        /// <summary>SIGTERM, and what must come of it.</summary>
        public async Task StopAsync()
        {
            using Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync(_deadline.Token);
            await _process.WaitForExitAsync(_deadline.Token);
            Assert.Equal(0, _process.ExitCode);
        }

        public async ValueTask DisposeAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
            _deadline.Dispose();
        }
    }
}
