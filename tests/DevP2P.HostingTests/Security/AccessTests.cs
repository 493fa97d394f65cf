using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Runtime.Versioning;
using DevP2P.Hosting.Security;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace DevP2P.HostingTests.Security;

/// <summary>T19: who may call, by HTTP and by WebSocket alike. Refusals leave the node as it was.</summary>
[Trait("Threat", "T19")]
public sealed class AccessTests
{
    private const string Token = "0123456789abcdef";
    private const string Call = """{"jsonrpc":"2.0","id":1,"method":"net_version"}""";

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("[::1]", true)]
    [InlineData("node.example", true)]
    [InlineData("[2001:db8::1]", true)]
    [InlineData("evil.example", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("127.0.0.1.evil.example", false)]
    [InlineData("192.0.2.1", false)]
    [InlineData("", false)]
    public async Task T19_Host_must_name_this_machine(string host, bool isServed)
    {
        await using TestSite site = await TestSite.StartAsync(options =>
        {
            options.Hosts.Add("node.example");
            options.Hosts.Add("2001:db8::1");
        });
        string header = host.Length == 0 ? "" : $"{host}:{site.Url.Port}";

        Assert.Equal(isServed ? 200 : 403, await RawAsync(site, "POST", $"Host: {header}\r\n", Call));
        Assert.Equal(isServed ? 200 : 403, await RawAsync(site, "GET", $"Host: {header}\r\n", "", "/openrpc.json"));
        Assert.Equal(isServed ? 101 : 403, await RawAsync(site, "GET", $"Host: {header}\r\n{Upgrade}", ""));
        site.AssertUndisturbed();
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("SELF", true)]
    [InlineData("https://ops.example", true)]
    [InlineData("http://localhost:3000", true)]
    [InlineData("http://evil.example", false)]
    [InlineData("http://ops.example", false)]
    [InlineData("https://ops.example.evil.example", false)]
    [InlineData("http://127.0.0.1:1", false)]
    [InlineData("null", false)]
    [InlineData("", false)]
    public async Task T19_pages_of_other_origins_are_refused(string? origin, bool isServed)
    {
        await using TestSite site = await TestSite.StartAsync(options =>
        {
            options.Origins.Add("https://ops.example/");
            options.Origins.Add("http://localhost:3000");
        });
        string self = site.Url.GetLeftPart(UriPartial.Authority);
        string headers = $"Host: {site.Url.Authority}\r\n" + (origin is null ? "" : $"Origin: {(origin == "SELF" ? self : origin)}\r\n");

        Assert.Equal(isServed ? 200 : 403, await RawAsync(site, "POST", headers, Call));
        Assert.Equal(isServed ? 204 : 403, await RawAsync(site, "OPTIONS", headers, ""));
        Assert.Equal(isServed ? 101 : 403, await RawAsync(site, "GET", headers + Upgrade, ""));
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_two_origins_are_none()
    {
        await using TestSite site = await TestSite.StartAsync();
        string self = site.Url.GetLeftPart(UriPartial.Authority);

        Assert.Equal(403, await RawAsync(site, "POST", $"Host: {site.Url.Authority}\r\nOrigin: {self}\r\nOrigin: http://evil.example\r\n", Call));
    }

    [Fact]
    public async Task Only_allowed_origins_are_told_to_the_browser()
    {
        await using TestSite site = await TestSite.StartAsync(options => options.Origins.Add("https://ops.example"));
        using var request = new HttpRequestMessage(HttpMethod.Options, "/") { Headers = { { "Origin", "https://ops.example" } } };
        using HttpResponseMessage response = await site.Http.SendAsync(request, TestContext.Current.CancellationToken);
        using HttpResponseMessage plain = await site.Http.PostAsync("/", TestSite.Json(Call), TestContext.Current.CancellationToken);

        Assert.Equal(["https://ops.example"], response.Headers.GetValues("Access-Control-Allow-Origin"));
        Assert.Equal(["authorization, content-type"], response.Headers.GetValues("Access-Control-Allow-Headers"));
        Assert.False(plain.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData(null)]
    public async Task T19_what_a_page_can_send_without_asking_is_refused(string? type)
    {
        await using TestSite site = await TestSite.StartAsync();
        using StringContent content = TestSite.Json(Call);
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);

        using HttpResponseMessage response = await site.Http.PostAsync("/", content, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        site.AssertUndisturbed();
    }

    [Theory]
    [InlineData(null, 401)]
    [InlineData("Bearer " + Token, 200)]
    [InlineData("bearer " + Token, 200)]
    [InlineData("Bearer 0123456789abcdeF", 401)]
    [InlineData("Bearer 0123456789abcde", 401)]
    [InlineData("Bearer " + Token + "0", 401)]
    [InlineData("Bearer ", 401)]
    [InlineData("Basic " + Token, 401)]
    [InlineData(Token, 401)]
    public async Task T19_the_token_has_to_be_shown(string? header, int status)
    {
        await using TestSite site = await TestSite.StartAsync(options => options.Token = Token);
        string headers = $"Host: {site.Url.Authority}\r\n" + (header is null ? "" : $"Authorization: {header}\r\n");

        Assert.Equal(status, await RawAsync(site, "POST", headers, Call));
        Assert.Equal(status == 200 ? 101 : status, await RawAsync(site, "GET", headers + Upgrade, ""));
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_a_browsers_WebSocket_shows_the_token_as_a_subprotocol()
    {
        await using TestSite site = await TestSite.StartAsync(options => options.Token = Token);
        await using (WebSocketClient both = await WebSocketClient.ConnectAsync(site.Url, options =>
        {
            options.AddSubProtocol("devp2p");
            options.AddSubProtocol("devp2p.token." + Token);
        }))
        {
            // The token itself need not come back.
            Assert.Equal("devp2p", both.Socket.SubProtocol);
            Assert.Equal("1", (await both.CallAsync("net_version", "[]")).GetProperty("result").GetString());
        }

        await using (WebSocketClient alone = await WebSocketClient.ConnectAsync(site.Url, options => options.AddSubProtocol("devp2p.token." + Token)))
        {
            Assert.Equal("devp2p.token." + Token, alone.Socket.SubProtocol);
        }

        await Assert.ThrowsAsync<WebSocketException>(() => WebSocketClient.ConnectAsync(site.Url, options => options.AddSubProtocol("devp2p.token.wrong")));
        await Assert.ThrowsAsync<WebSocketException>(() => WebSocketClient.ConnectAsync(site.Url));
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_beyond_loopback_there_is_no_start_without_a_token()
    {
        P2PException refused = await Assert.ThrowsAsync<P2PException>(() => TestSite.StartAsync(bind: IPAddress.Any));
        Assert.Contains("without a token", refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
        await Assert.ThrowsAsync<P2PException>(() => TestSite.StartAsync(bind: IPAddress.IPv6Any));

        await using TestSite site = await TestSite.StartAsync(options => options.Token = Token, IPAddress.Any);
        Assert.Equal(200, await RawAsync(site, "POST", $"Host: localhost\r\nAuthorization: Bearer {Token}\r\n", Call));
    }

    [Theory]
    [InlineData("127.0.0.1", null, 0)]
    [InlineData("::1", null, 0)]
    [InlineData("::ffff:127.0.0.1", null, 0)]
    [InlineData("192.0.2.7", null, 403)]
    [InlineData("2001:db8::1", null, 403)]
    [InlineData("192.0.2.7", Token, 401)]
    public void T19_whatever_is_bound_later_is_not_served_beyond_loopback_without_a_token(string local, string? token, int status)
    {
        var policy = new AccessPolicy(new DevP2P.Hosting.AdminOptions { Token = token });
        var context = new DefaultHttpContext();
        context.Connection.LocalIpAddress = IPAddress.Parse(local);
        context.Request.Host = new HostString("localhost", 8545);

        Assert.Equal(status, policy.Check(context, needsToken: true)?.Status ?? 0);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task T19_the_token_file_is_for_its_owner_alone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "files have no mode there");
        DirectoryInfo directory = Directory.CreateTempSubdirectory("devp2p-token-");
        try
        {
            string file = Path.Combine(directory.FullName, "sub", "token");
            await using (TestSite site = await TestSite.StartAsync(options => options.TokenFile = file))
            {
                string token = (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).TrimEnd();
                Assert.Matches("^[0-9a-f]{64}$", token);
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
                Assert.Equal(401, await RawAsync(site, "POST", $"Host: {site.Url.Authority}\r\n", Call));
                Assert.Equal(200, await RawAsync(site, "POST", $"Host: {site.Url.Authority}\r\nAuthorization: Bearer {token}\r\n", Call));
            }

            foreach (UnixFileMode mode in (UnixFileMode[])[UnixFileMode.GroupRead, UnixFileMode.OtherRead, UnixFileMode.OtherWrite])
            {
                File.SetUnixFileMode(file, UnixFileMode.UserRead | mode);
                P2PException exposed = await Assert.ThrowsAsync<P2PException>(() => TestSite.StartAsync(options => options.TokenFile = file));
                Assert.Contains("chmod 600", exposed.Message);
            }

            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            foreach (string content in (string[])["", "short", "with a blank in the middle", new string('x', 1000), "0123456789abcdef\nsecond line"])
            {
                await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
                P2PException wrong = await Assert.ThrowsAsync<P2PException>(() => TestSite.StartAsync(options => options.TokenFile = file));
                Assert.True(content.Length == 0 || !wrong.Message.Contains(content), "a message must not repeat what the file has");
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_browser_that_looks_is_sent_to_the_dashboard_and_other_methods_are_refused()
    {
        await using TestSite site = await TestSite.StartAsync();

        Assert.Equal(302, await RawAsync(site, "GET", $"Host: {site.Url.Authority}\r\n", ""));
        Assert.Equal(405, await RawAsync(site, "PUT", $"Host: {site.Url.Authority}\r\n", Call));
        Assert.Equal(405, await RawAsync(site, "DELETE", $"Host: {site.Url.Authority}\r\n", ""));
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task Calls_that_change_the_node_are_logged_with_the_caller_and_others_are_not()
    {
        var log = new LinesLog();
        await using var server = new Server(TestSite.Options());
        await server.StartAsync(TestContext.Current.CancellationToken);
        string socket = Path.Combine(Path.GetTempPath(), $"devp2p-{Guid.NewGuid():N}.ipc");
        await using (DevP2P.Hosting.AdminSocket.Open(socket, server, loggerFactory: log))
        {
            using var client = new System.Net.Sockets.Socket(
                System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
            await client.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(socket), TestContext.Current.CancellationToken);
            await client.SendAsync("""{"jsonrpc":"2.0","id":1,"method":"admin_peers"}"""u8.ToArray(), TestContext.Current.CancellationToken);
            string id = new('7', 64);
            await client.SendAsync(
                System.Text.Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":1,"method":"devp2p_disconnect","params":["{{id}}"]}"""), TestContext.Current.CancellationToken);
            await TestSite.UntilAsync(() => log.Lines.Any(line => line.Contains("Admin call")), "the call is logged");
            string line = Assert.Single(log.Lines, line => line.Contains("Admin call"));
            Assert.Contains("devp2p_disconnect", line);
            Assert.Contains(id, line);
            Assert.Contains(OperatingSystem.IsLinux() ? $"ipc pid={Environment.ProcessId} uid=" : "ipc", line);
        }
    }

    private const string Upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    /// <summary>Sends a request with exactly these headers, and gives the status.</summary>
    private static async Task<int> RawAsync(TestSite site, string method, string headers, string body, string path = "/")
    {
        await using RawHttp raw = await RawHttp.ConnectAsync(site.Url.Port);
        string content = body.Length == 0 ? "" : $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n";
        await raw.SendAsync($"{method} {path} HTTP/1.1\r\n{headers}{content}\r\n{body}");
        return await raw.ReadStatusAsync();
    }
}
