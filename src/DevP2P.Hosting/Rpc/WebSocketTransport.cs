using System.Net.WebSockets;
using Microsoft.AspNetCore.Connections;

namespace DevP2P.Hosting.Rpc;

/// <summary>JSON-RPC over one WebSocket: a message is a request, an answer or an event.</summary>
internal sealed class WebSocketTransport(RpcEndpoint endpoint, WebSocket socket, string caller)
{
    private WebSocketCloseStatus _status = WebSocketCloseStatus.NormalClosure;
    private string? _statusText;

    /// <summary>Serves until either side closes.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        await using var connection = new RpcConnection(endpoint, caller, SendAsync, socket.Abort);
        string reason = "closed by the other side";
        try
        {
            while (await ReceiveAsync(stop) is { } request)
            {
                await connection.HandleAsync(request);
            }

            // The answers that are still under way are lost, as with every connection that ends.
            using var closing = new CancellationTokenSource(RpcLimits.SendTimeout);
            await socket.CloseAsync(_status, _statusText, closing.Token);
            reason = _statusText ?? reason;
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException or ConnectionAbortedException or RpcException)
        {
            reason = e.Message;
            socket.Abort();
        }
        finally
        {
            endpoint.Close(connection, reason);
        }
    }

    /// <summary>The next whole message; null when the other side closes, or has to be told to.</summary>
    private async Task<RpcBuffer?> ReceiveAsync(CancellationToken stop)
    {
        // A read of nothing waits for a message without memory: an idle connection costs none.
        ValueWebSocketReceiveResult result = await socket.ReceiveAsync(Memory<byte>.Empty, stop);
        RpcBuffer buffer = endpoint.CreateRequest();
        try
        {
            while (!result.EndOfMessage && result.MessageType != WebSocketMessageType.Close)
            {
                result = await socket.ReceiveAsync(buffer.GetMemory(), stop);
                buffer.Advance(result.Count);
                if (buffer.Length > RpcLimits.MaxRequestBytes)
                {
                    (_status, _statusText) = (WebSocketCloseStatus.MessageTooBig, $"a request has at most {RpcLimits.MaxRequestBytes} bytes");
                    break;
                }
            }
        }
        catch
        {
            buffer.Dispose();
            throw;
        }

        if (result.MessageType != WebSocketMessageType.Close && _statusText is null)
        {
            return buffer;
        }

        buffer.Dispose();
        return null;
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        try
        {
            await socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, cancellationToken);
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or ObjectDisposedException)
        {
            throw new IOException(e.Message, e);
        }
    }
}
