using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Xunit;

namespace DevP2P.HostingTests;

/// <summary>A plain client of the WebSocket: texts go in, JSON comes out.</summary>
internal sealed class WebSocketClient : IAsyncDisposable
{
    private readonly byte[] _buffer = new byte[1024 * 1024];

    public ClientWebSocket Socket { get; } = new();

    public static async Task<WebSocketClient> ConnectAsync(Uri url, Action<ClientWebSocketOptions>? configure = null)
    {
        var client = new WebSocketClient();
        client.Socket.Options.CollectHttpResponseDetails = true;
        configure?.Invoke(client.Socket.Options);
        await client.Socket.ConnectAsync(new UriBuilder(url) { Scheme = "ws" }.Uri, TestContext.Current.CancellationToken);
        return client;
    }

    public Task SendAsync(string text) =>
        Socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, TestContext.Current.CancellationToken);

    /// <summary>The next message; undefined when the other side has closed.</summary>
    public async Task<JsonElement> ReadAsync()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TestSite.Deadline);
        int length = 0;
        while (true)
        {
            WebSocketReceiveResult result = await Socket.ReceiveAsync(new ArraySegment<byte>(_buffer, length, _buffer.Length - length), deadline.Token);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                return default;
            }

            length += result.Count;
            if (result.EndOfMessage)
            {
                return JsonElement.Parse(_buffer.AsSpan(0, length));
            }
        }
    }

    public async Task<JsonElement> CallAsync(string method, string parameters)
    {
        await SendAsync($$"""{"jsonrpc":"2.0","id":1,"method":"{{method}}","params":{{parameters}}}""");
        return await ReadAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (Socket.State == WebSocketState.Open)
        {
            await Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        }

        Socket.Dispose();
    }
}
