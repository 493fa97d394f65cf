using System.Net.Sockets;

namespace DevP2P.Cli.Attach;

/// <summary>By Unix socket, framed as geth's IPC: the node ends each value with a line end.</summary>
internal sealed class SocketLink : IRpcLink
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    /// <summary>Connects.</summary>
    /// <exception cref="CliException">Nobody listens there.</exception>
    public static async Task<SocketLink> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        var link = new SocketLink();
        try
        {
            await link._socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return link;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            await link.DisposeAsync();
            throw new CliException($"cannot attach to {path}: {(File.Exists(path) ? e.Message : "there is no such socket (devp2p run --ipc makes one)")}");
        }
    }

    public async Task SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        try
        {
            while (message.Length > 0)
            {
                message = message[await _socket.SendAsync(message, cancellationToken)..];
            }
        }
        catch (SocketException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    public async Task<ReadOnlyMemory<byte>?> ReceiveAsync(CancellationToken cancellationToken)
    {
        int searched = _start;
        while (true)
        {
            int length = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (length >= 0)
            {
                ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, searched + length - _start);
                _start = searched + length + 1;
                return line;
            }

            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
            searched = _end;
            if (_end == _buffer.Length)
            {
                Array.Resize(ref _buffer, _end < RpcClient.MaxMessageBytes ? 2 * _end : throw new IOException("the answer is too large"));
            }

            try
            {
                int count = await _socket.ReceiveAsync(_buffer.AsMemory(_end), cancellationToken);
                _end += count;
                if (count == 0)
                {
                    return null;
                }
            }
            catch (SocketException e)
            {
                throw new IOException(e.Message, e);
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
