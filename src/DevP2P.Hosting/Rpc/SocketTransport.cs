using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;

namespace DevP2P.Hosting.Rpc;

/// <summary>JSON-RPC over one connection of a Unix socket: JSON values one after the other; ours end with a line end, as geth's do.</summary>
internal static class SocketTransport
{
    private const int ReadBytes = 16 * 1024;

    /// <summary>Serves until either side closes. Never fails.</summary>
    public static async Task ServeAsync(RpcEndpoint endpoint, Socket socket, CancellationToken stop)
    {
        using Socket owned = socket;
        string caller = DescribeCaller(socket);
        if (!endpoint.TryOpen(caller))
        {
            return;
        }

        await using var connection = new RpcConnection(endpoint, caller, (message, token) => SendAsync(socket, message, token), socket.Dispose);
        string reason = "closed by the other side";
        try
        {
            await ReadAsync(endpoint, connection, socket, stop).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException or IOException or RpcException)
        {
            reason = e.Message;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            RpcLog.MethodDefect(endpoint.Logger, "(socket)", e);
        }
        finally
        {
            endpoint.Close(connection, reason);
        }
    }

    private static async Task ReadAsync(RpcEndpoint endpoint, RpcConnection connection, Socket socket, CancellationToken stop)
    {
        var framer = new JsonFramer();
        using RpcBuffer buffer = endpoint.CreateRequest();
        while (true)
        {
            if (buffer.Length == 0)
            {
                // A read of nothing waits for something to come: an idle connection costs no memory.
                await socket.ReceiveAsync(Memory<byte>.Empty, stop).ConfigureAwait(false);
            }

            int count = await socket.ReceiveAsync(buffer.GetMemory(ReadBytes), stop).ConfigureAwait(false);
            if (count == 0)
            {
                return;
            }

            buffer.Advance(count);
            int end;
            while (framer.TryFind(buffer.Written.Span, out end) && end <= RpcLimits.MaxRequestBytes)
            {
                RpcBuffer request = endpoint.CreateRequest();
                request.Write(buffer.Written.Span[..end]);
                buffer.Consume(end);
                await connection.HandleAsync(request).ConfigureAwait(false);
            }

            if (end > 0 || buffer.Length > RpcLimits.MaxRequestBytes)
            {
                string tooLarge = $"a request has at most {RpcLimits.MaxRequestBytes} bytes";
                await RefuseAsync(endpoint, connection, RpcErrorCode.InvalidRequest, tooLarge, stop).ConfigureAwait(false);
                return;
            }

            if (framer.IsBroken)
            {
                // Where the next request begins cannot be known.
                await RefuseAsync(endpoint, connection, RpcErrorCode.Parse, "parse error", stop).ConfigureAwait(false);
                return;
            }
        }
    }

    private static async Task RefuseAsync(RpcEndpoint endpoint, RpcConnection connection, int code, string message, CancellationToken stop)
    {
        using RpcBuffer response = endpoint.CreateResponse();
        RpcDispatcher.WriteError(response, default, code, message);
        await connection.SendAsync(response.Written, stop).ConfigureAwait(false);
        endpoint.LogRefused(connection.Name, message);
    }

    private static async ValueTask SendAsync(Socket socket, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        byte[] line = ArrayPool<byte>.Shared.Rent(message.Length + 1);
        try
        {
            message.Span.CopyTo(line);
            line[message.Length] = (byte)'\n';
            for (int sent = 0; sent <= message.Length;)
            {
                sent += await socket.SendAsync(line.AsMemory(sent, message.Length + 1 - sent), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new IOException(e.Message, e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(line);
        }
    }

    /// <summary>Which process it is, where the system says so (Linux, SO_PEERCRED).</summary>
    private static string DescribeCaller(Socket socket)
    {
        const int SolSocket = 1;
        const int SoPeerCred = 17;
        Span<byte> credentials = stackalloc byte[12];
        try
        {
            return OperatingSystem.IsLinux() && socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials) == credentials.Length
                ? string.Create(CultureInfo.InvariantCulture, $"ipc pid={Read(credentials)} uid={Read(credentials[4..])}")
                : "ipc";
        }
        catch (SocketException)
        {
            return "ipc";
        }
    }

    private static uint Read(ReadOnlySpan<byte> bytes) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
