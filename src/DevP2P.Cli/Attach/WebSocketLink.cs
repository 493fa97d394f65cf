using System.Buffers;
using System.Net;
using System.Net.WebSockets;

namespace DevP2P.Cli.Attach;

/// <summary>By WebSocket, which HTTP URLs are changed to: it is the same port.</summary>
internal sealed class WebSocketLink : IRpcLink
{
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(1);

    private readonly ClientWebSocket _socket = new();
    private readonly ArrayBufferWriter<byte> _buffer = new(16 * 1024);

    /// <summary>Connects.</summary>
    /// <exception cref="CliException">Nobody is there, or one that does not let us in.</exception>
    public static async Task<WebSocketLink> ConnectAsync(Uri url, string? token, CancellationToken cancellationToken)
    {
        var link = new WebSocketLink();
        ClientWebSocket socket = link._socket;
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.Proxy = null;
        if (token is not null)
        {
            socket.Options.SetRequestHeader("Authorization", "Bearer " + token);
        }

        try
        {
            var address = new UriBuilder(url) { Scheme = url.Scheme is "https" or "wss" ? "wss" : "ws" };
            await socket.ConnectAsync(address.Uri, cancellationToken);
            return link;
        }
        catch (WebSocketException e)
        {
            string reason = socket.HttpStatusCode switch
            {
                HttpStatusCode.Unauthorized => token is null ? "it wants a token: --token-file FILE" : "it wants another token",
                HttpStatusCode.Forbidden => "it does not serve this host name (devp2p run --http-host names those that it does)",
                HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable => "it has too much to do",
                0 => e.InnerException?.InnerException?.Message ?? e.InnerException?.Message ?? e.Message,
                var status => $"HTTP status {(int)status}; is that a node's admin API?",
            };
            await link.DisposeAsync();
            throw new CliException($"cannot attach to {url}: {reason}");
        }
    }

    public async Task SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        try
        {
            await _socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, cancellationToken);
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException)
        {
            throw new IOException(e.Message, e);
        }
    }

    public async Task<ReadOnlyMemory<byte>?> ReceiveAsync(CancellationToken cancellationToken)
    {
        _buffer.ResetWrittenCount();
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult result = await _socket.ReceiveAsync(_buffer.GetMemory(4096), cancellationToken);
                _buffer.Advance(result.Count);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return null;
                }

                if (_buffer.WrittenCount > RpcClient.MaxMessageBytes)
                {
                    throw new IOException("the answer is too large");
                }

                if (result.EndOfMessage)
                {
                    return _buffer.WrittenMemory;
                }
            }
        }
        catch (WebSocketException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_socket.State == WebSocketState.Open)
        {
            using var timeout = new CancellationTokenSource(s_closeTimeout);
            try
            {
                await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, timeout.Token);
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException)
            {
                // It ends either way.
            }
        }

        _socket.Dispose();
    }
}
