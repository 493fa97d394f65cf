using System.Net;
using System.Text.Json;
using Xunit;

namespace DevP2P.HostingTests.Cli;

/// <summary><c>devp2p run --http</c> and <c>--ipc</c>, and <c>devp2p attach</c> to it, as processes.</summary>
public sealed class RunHttpTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("devp2p-cli-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [Trait("Threat", "T19")]
    [InlineData("0.0.0.0:0")]
    [InlineData(":0")]
    [InlineData("[::]:0")]
    [InlineData("192.0.2.7:8545")]
    public async Task T19_beyond_loopback_it_does_not_start_without_a_token(string address)
    {
        (int exitCode, string output, string errors) = await CliProcess.RunAsync([.. Run("a"), "--http", address]);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Equal($"devp2p: --http: '{address}' would open the admin API to the network: take 127.0.0.1, or ask for a token with --http-token-file FILE", errors);
        Assert.False(Directory.Exists(DataDirectory("a")), "it had begun to start");
    }

    [Fact]
    public async Task Without_http_nothing_of_a_web_server_is_loaded()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no /proc");
        await using CliProcess without = CliProcess.Start([.. Run("a"), "--ipc"]);
        await without.NextAsync("admin");
        await using CliProcess with = CliProcess.Start([.. Run("b"), "--http", "127.0.0.1:0"]);
        await with.NextAsync("admin");

        Assert.Equal("", WebServerIn(without.Id));
        Assert.NotEqual("", WebServerIn(with.Id));

        static string WebServerIn(int process) => string.Join(' ', File.ReadLines($"/proc/{process}/maps")
            .Select(line => line.Split('/')[^1])
            .Where(file => file.StartsWith("Microsoft.AspNetCore") || file.StartsWith("Microsoft.Extensions.Hosting") || file.StartsWith("OpenTelemetry"))
            .Distinct());
    }

    [Fact]
    [Trait("Threat", "T19")]
    public async Task With_http_there_are_metrics_health_and_the_dashboard_on_the_terms_of_the_API()
    {
        string tokenFile = Path.Combine(_directory.FullName, "token");
        await using CliProcess node = CliProcess.Start([.. Run("a"), "--http", "127.0.0.1:0", "--http-token-file", tokenFile]);
        string url = (await node.NextAsync("admin")).GetProperty("http")[0].GetString()!;
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(url), Timeout = TestSite.Deadline };

        Assert.Equal(HttpStatusCode.OK, await GetAsync("/health/live"));
        Assert.Equal(HttpStatusCode.OK, await GetAsync("/health/ready"));
        Assert.Equal(HttpStatusCode.OK, await GetAsync("/dashboard/"));
        Assert.Equal(HttpStatusCode.Redirect, await GetAsync("/"));
        Assert.Equal(HttpStatusCode.Unauthorized, await GetAsync("/metrics"));
        foreach (string path in (string[])["/metrics", "/health/live", "/dashboard/", "/openrpc.json"])
        {
            Assert.Equal(HttpStatusCode.Forbidden, await GetAsync(path, host: "evil.example"));
            Assert.Equal(HttpStatusCode.Forbidden, await GetAsync(path, origin: "http://evil.example"));
        }

        http.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(tokenFile, TestContext.Current.CancellationToken)).Trim());
        Assert.Contains("devp2p_", await http.GetStringAsync("/metrics", TestContext.Current.CancellationToken));

        async Task<HttpStatusCode> GetAsync(string path, string? host = null, string? origin = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Host = host;
            if (origin is not null)
            {
                request.Headers.Add("Origin", origin);
            }

            using HttpResponseMessage response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task Attach_tells_and_changes_what_the_node_does()
    {
        string tokenFile = Path.Combine(_directory.FullName, "token");
        await using CliProcess node = CliProcess.Start([.. Run("a"), "--http", "127.0.0.1:0", "--http-token-file", tokenFile, "--ipc"]);
        string enode = (await node.NextAsync("started")).GetProperty("enode").GetString()!;
        string url = (await node.NextAsync("admin")).GetProperty("http")[0].GetString()!;
        await using CliProcess other = CliProcess.Start(Run("b"));
        JsonElement started = await other.NextAsync("started");
        string peer = started.GetProperty("enode").GetString()!;
        string id = started.GetProperty("id").GetString()!;
        string[] attach = ["attach", "--data-dir", DataDirectory("a")];

        await using CliProcess events = CliProcess.Start("attach", url, "--token-file", tokenFile, "events", "--follow", "--json");
        Task<string> first = events.ReadLineAsync();
        while (!first.IsCompleted)
        {
            // Until it has subscribed, it sees nothing.
            await CliProcess.RunAsync([.. attach, "call", "devp2p_setLimits", "{}"]);
        }

        Assert.Equal("limits", JsonElement.Parse(await first).GetProperty("type").GetString());
        (int exitCode, string text, _) = await CliProcess.RunAsync([.. attach, "info"]);
        Assert.Equal(0, exitCode);
        Assert.Contains("enode:        " + enode, text);
        Assert.Contains("peers:        0 of 25", text);

        (exitCode, text, _) = await CliProcess.RunAsync([.. attach, "add", peer]);
        Assert.Equal(0, exitCode);
        Assert.Contains("admitted", text);
        (_, text, _) = await CliProcess.RunAsync([.. attach, "peers", "--json"]);
        Assert.Equal(id, JsonElement.Parse(text)[0].GetProperty("id").GetString());
        (_, text, _) = await CliProcess.RunAsync([.. attach, "peers"]);
        Assert.StartsWith(id[..16] + "  127.0.0.1:", text);
        Assert.Equal((0, "\"0x1\"", ""), await CliProcess.RunAsync([.. attach, "call", "net_peerCount"]));
        (_, text, _) = await CliProcess.RunAsync([.. attach, "call", "devp2p_setLimits", """{"maxPeers":50}""", "--json"]);
        Assert.Equal(50, JsonElement.Parse(text).GetProperty("maxPeers").GetInt32());
        (_, text, _) = await CliProcess.RunAsync([.. attach, "dials", id]);
        Assert.Contains("admitted", text);
        (_, text, _) = await CliProcess.RunAsync([.. attach, "top", "--json", "--count", "1"]);
        Assert.Equal(1, JsonElement.Parse(text).GetProperty("peers").GetArrayLength());
        Assert.Equal((0, "trusted", ""), await CliProcess.RunAsync([.. attach, "trust", peer]));
        Assert.Equal((0, "no longer trusted", ""), await CliProcess.RunAsync([.. attach, "trust", peer, "--off"]));
        Assert.Equal((0, "disconnected", ""), await CliProcess.RunAsync([.. attach, "remove", id]));
        (exitCode, text, _) = await CliProcess.RunAsync([.. attach, "ban", id, "--for", "1h", "--reason", "test"]);
        Assert.Equal(0, exitCode);
        Assert.Contains("test", text);
        (_, text, _) = await CliProcess.RunAsync([.. attach, "bans"]);
        Assert.StartsWith(id[..16], text);
        Assert.Equal((0, "no longer banned", ""), await CliProcess.RunAsync([.. attach, "unban", id]));
        Assert.Equal((0, "nobody is banned", ""), await CliProcess.RunAsync([.. attach, "bans"]));

        var types = new HashSet<string>();
        while (!types.Contains("unbanned"))
        {
            types.Add(JsonElement.Parse(await events.ReadLineAsync()).GetProperty("type").GetString()!);
        }

        Assert.Superset(new HashSet<string>(["limits", "banned", "unbanned", "peerDropped"]), types);
    }

    [Fact]
    [Trait("Threat", "T19")]
    public async Task What_cannot_be_done_is_one_line_and_exit_code_1()
    {
        string tokenFile = Path.Combine(_directory.FullName, "token");
        await using CliProcess node = CliProcess.Start([.. Run("a"), "--http", "127.0.0.1:0", "--http-token-file", tokenFile]);
        string url = (await node.NextAsync("admin")).GetProperty("http")[0].GetString()!;

        Assert.Equal(
            (1, "", $"devp2p: cannot attach to {url}/: it wants a token: --token-file FILE"), await CliProcess.RunAsync("attach", url, "info"));
        Assert.Equal(
            (1, "", "devp2p: admin_addPeer: invalid enode: invalid public key (wrong length, want 128 hex chars, not 2) (-32000)"),
            await CliProcess.RunAsync("attach", url, "--token-file", tokenFile, "call", "admin_addPeer", "enode://12@127.0.0.1:1"));
        Assert.Equal(
            (1, "", "devp2p: devp2p_table: discovery v4 is off (-32000)"), await CliProcess.RunAsync("attach", url, "--token-file", tokenFile, "table"));
        Assert.Equal((1, "", "devp2p: top needs a terminal; --json does without"), await CliProcess.RunAsync("attach", url, "--token-file", tokenFile, "top"));
        (int exitCode, _, string errors) = await CliProcess.RunAsync("attach", "http://127.0.0.1:1", "info");
        Assert.Equal((1, "devp2p: cannot attach to http://127.0.0.1:1/: Connection refused"), (exitCode, errors));
        (exitCode, _, errors) = await CliProcess.RunAsync("attach", Path.Combine(_directory.FullName, "nothing.ipc"), "info");
        Assert.Equal(1, exitCode);
        Assert.Contains("there is no such socket", errors);
        Assert.Equal(2, (await CliProcess.RunAsync("attach")).ExitCode);
    }

    private string DataDirectory(string name) => Path.Combine(_directory.FullName, name);

    private string[] Run(string name) =>
        ["run", "--data-dir", DataDirectory(name), "--listen", "127.0.0.1:0", "--nat", "none", "--no-discovery", "--echo", "--log", "json"];
}
