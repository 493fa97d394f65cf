using System.Buffers;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using DevP2P.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>The dashboard in front of a <see cref="MockNode"/>, on loopback.</summary>
internal sealed class MockSite : IAsyncDisposable
{
    private const string TokenSubprotocol = "devp2p.token.";

    private readonly WebApplication _application;
    private readonly string? _token;
    private readonly CancellationTokenSource _stop = new();

    private MockSite(MockNode node, string? token, int port)
    {
        Node = node;
        _token = token;
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, port));
        _application = builder.Build();
        _application.UseWebSockets();
        _application.MapDevP2PDashboard();
        _application.Map("/", HandleAsync);
    }

    public MockNode Node { get; }

    public Uri Address => new(_application.Urls.Single());

    public static async Task<MockSite> StartAsync(MockNode node, string? token = null, int port = 0)
    {
        var site = new MockSite(node, token, port);
        await site._application.StartAsync(TestContext.Current.CancellationToken);
        return site;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _application.StopAsync();
        await _application.DisposeAsync();
        _stop.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        bool isAllowed = _token is null
            || context.Request.Headers.Authorization == $"Bearer {_token}"
            || context.WebSockets.WebSocketRequestedProtocols.Contains(TokenSubprotocol + _token);
        if (!isAllowed)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        }
        else if (context.WebSockets.IsWebSocketRequest)
        {
            using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(context.WebSockets.WebSocketRequestedProtocols.FirstOrDefault());
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stop.Token);
            await ServeAsync(socket, stop.Token);
        }
        else
        {
            using JsonDocument request = await JsonDocument.ParseAsync(context.Request.Body);
            await context.Response.WriteAsync(Node.Answer(request.RootElement, _ => { }));
        }
    }

    private async Task ServeAsync(WebSocket socket, CancellationToken stop)
    {
        using var gate = new SemaphoreSlim(1);
        Action<string> notify = text => _ = SendAsync(text);
        try
        {
            while (await ReceiveAsync(socket, stop) is { } request)
            {
                using (request)
                {
                    await SendAsync(Node.Answer(request.RootElement, notify));
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or IOException)
        {
            socket.Abort();
        }
        finally
        {
            Node.Unsubscribe(notify);
        }

        async Task SendAsync(string text)
        {
            await gate.WaitAsync(stop);
            try
            {
                await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, stop);
            }
            finally
            {
                gate.Release();
            }
        }
    }

    private static async Task<JsonDocument?> ReceiveAsync(WebSocket socket, CancellationToken stop)
    {
        var buffer = new ArrayBufferWriter<byte>();
        while (true)
        {
            ValueWebSocketReceiveResult result = await socket.ReceiveAsync(buffer.GetMemory(4096), stop);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }

            buffer.Advance(result.Count);
            if (result.EndOfMessage)
            {
                return JsonDocument.Parse(buffer.WrittenMemory);
            }
        }
    }
}
