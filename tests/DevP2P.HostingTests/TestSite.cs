using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using DevP2P.Crypto;
using DevP2P.Hosting;
using DevP2P.Hosting.Rpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DevP2P.HostingTests;

/// <summary>Two nodes on loopback, connected, and the admin API of the first on a port of its own.</summary>
internal sealed class TestSite : IAsyncDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly WebApplication _application;

    private TestSite(WebApplication application, Server server, Server other)
    {
        _application = application;
        Server = server;
        Other = other;
        Url = new Uri(application.Urls.First());
        Http = new HttpClient { BaseAddress = Url, Timeout = Deadline };
    }

    public Server Server { get; }

    /// <summary>The peer.</summary>
    public Server Other { get; }

    public Uri Url { get; }

    public HttpClient Http { get; }

    public RpcEndpoint Endpoint => _application.Services.GetRequiredService<RpcEndpoint>();

    public static async Task<TestSite> StartAsync(
        Action<AdminOptions>? configure = null, IPAddress? bind = null, Func<ServerOptions, ServerOptions>? node = null, bool connect = true)
    {
        var server = new Server((node ?? (options => options))(Options()));
        var other = new Server(Options());
        await server.StartAsync(TestContext.Current.CancellationToken);
        await other.StartAsync(TestContext.Current.CancellationToken);

        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(bind ?? IPAddress.Loopback, 0));
        builder.Services.AddRoutingCore().AddSingleton(server).AddDevP2PAdmin(configure);
        WebApplication application = builder.Build();
        application.MapDevP2PAdmin();
        try
        {
            await application.StartAsync(TestContext.Current.CancellationToken);
        }
        catch
        {
            await application.DisposeAsync();
            await server.DisposeAsync();
            await other.DisposeAsync();
            throw;
        }

        var site = new TestSite(application, server, other);
        if (connect)
        {
            Assert.True((await server.AddPeerAsync(other.Self, TestContext.Current.CancellationToken)).Succeeded);
        }

        return site;
    }

    public static ServerOptions Options() => new()
    {
        PrivateKey = PrivateKey.Generate(),
        Name = "hosting-test",
        ListenAddress = "127.0.0.1:0",
        NoDiscovery = true,
        Protocols = [Sink()],
    };

    /// <summary>Sends a body and gives the answer's.</summary>
    public async Task<string> PostAsync(string body)
    {
        using HttpResponseMessage response = await Http.PostAsync("/", Json(body), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Calls a method with parameters as JSON, and gives the whole answer.</summary>
    public async Task<JsonElement> AnswerAsync(string method, string parameters = "[]") =>
        JsonElement.Parse(await PostAsync($$"""{"jsonrpc":"2.0","id":1,"method":"{{method}}","params":{{parameters}}}"""));

    /// <summary>Calls a method, which must succeed.</summary>
    public async Task<JsonElement> CallAsync(string method, string parameters = "[]")
    {
        JsonElement answer = await AnswerAsync(method, parameters);
        Assert.True(answer.TryGetProperty("result", out JsonElement result), answer.GetRawText());
        return result;
    }

    /// <summary>Calls a method, which must fail; gives the code and the message.</summary>
    public async Task<(int Code, string Message)> FailAsync(string method, string parameters = "[]") => ErrorOf(await AnswerAsync(method, parameters));

    public static (int Code, string Message) ErrorOf(JsonElement answer)
    {
        Assert.True(answer.TryGetProperty("error", out JsonElement error), answer.GetRawText());
        return (error.GetProperty("code").GetInt32(), error.GetProperty("message").GetString()!);
    }

    public static StringContent Json(string body)
    {
        var content = new StringContent(body, Encoding.UTF8);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    /// <summary>The node has not noticed: its peer is there, and was all the time.</summary>
    public void AssertUndisturbed()
    {
        Assert.Equal(Other.Self.Id, Assert.Single(Server.Peers).Id);
        Assert.Equal(1, Server.GetCounters().Added);
        Assert.Empty(Server.GetCounters().Dropped);
    }

    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        DateTime end = DateTime.UtcNow + Deadline;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < end, $"waited in vain until {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _application.StopAsync();
        await _application.DisposeAsync();
        await Server.DisposeAsync();
        await Other.DisposeAsync();
    }

    /// <summary>A protocol that reads and discards until the peer is gone.</summary>
    private static Protocol Sink() => new()
    {
        Name = "sink",
        Version = 1,
        Length = 8,
        NodeInfo = () => new Dictionary<string, object?> { ["genesis"] = "0x12", ["height"] = 7L },
        PeerInfo = _ => new Dictionary<string, object?> { ["version"] = 1 },
        RunAsync = async (_, stream, cancellation) =>
        {
            while (true)
            {
                await stream.ReadAsync(cancellation);
            }
        },
    };
}
