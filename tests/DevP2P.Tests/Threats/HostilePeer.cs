using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Rlp;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>
/// The dialing end of a connection, step by step and without manners: it can stop anywhere, and send frames that no encoder
/// makes. For one caller at a time, except that sending and receiving may go on at once.
/// </summary>
internal sealed class HostilePeer : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly Node _target;
    private readonly PrivateKey _key;
    private AesCtr? _cipher;
    private FrameMac? _mac;
    private FrameDecoder? _decoder;
    private byte[] _received = new byte[4096];
    private int _start;
    private int _end;

    private HostilePeer(Socket socket, Node target, PrivateKey key)
    {
        _socket = socket;
        _target = target;
        _key = key;
    }

    public Socket Socket => _socket;

    public PublicKey Key => _key.PublicKey;

    /// <summary>Whether payloads are compressed; set by <see cref="ExchangeHelloAsync"/>.</summary>
    public bool UsesSnappy { get; set; }

    /// <summary>The other side ended the connection with a reset instead of an orderly end.</summary>
    public bool WasReset { get; private set; }

    /// <summary>TCP only: not a byte is sent.</summary>
    public static async Task<HostilePeer> ConnectTcpAsync(Node target, PrivateKey? key = null, string? from = null, int receiveBuffer = 0)
    {
        Socket socket = await ConnectSocketAsync(target, from, receiveBuffer);
        return new HostilePeer(socket, target, key ?? PrivateKey.Generate());
    }

    /// <summary>TCP and the encryption handshake.</summary>
    public static async Task<HostilePeer> ConnectEncryptedAsync(Node target, PrivateKey? key = null, string? from = null, int receiveBuffer = 0)
    {
        HostilePeer peer = await ConnectTcpAsync(target, key, from, receiveBuffer);
        await peer.EncryptAsync();
        return peer;
    }

    /// <summary>All the way to a peer, unless the other side refuses; then the next read shows why.</summary>
    public static async Task<HostilePeer> ConnectAsync(
        Node target, Capability? capability = null, PrivateKey? key = null, string? from = null, int receiveBuffer = 0)
    {
        HostilePeer peer = await ConnectEncryptedAsync(target, key, from, receiveBuffer);
        await peer.ExchangeHelloAsync(capability ?? new Capability("sink", 1));
        return peer;
    }

    public static async Task<Socket> ConnectSocketAsync(Node target, string? from = null, int receiveBuffer = 0)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (receiveBuffer > 0)
            {
                socket.ReceiveBufferSize = receiveBuffer;
            }

            if (from is not null)
            {
                socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
            }

            await socket.ConnectAsync(target.TcpEndPoint!, TestContext.Current.CancellationToken).AsTask().WithinDeadline();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async Task EncryptAsync()
    {
        Handshake handshake = Handshake.Initiate(_key, _target.PublicKey, RandomSource.System, out ReadOnlyMemory<byte> auth);
        await SendAsync(auth);
        int consumed;
        while (handshake.Read(_received.AsSpan(0, _end), out consumed) != HandshakeStatus.Done)
        {
            if (!await ReceiveAsync())
            {
                throw new IOException("the connection was closed in the encryption handshake");
            }
        }

        _start = consumed;
        HandshakeSecrets secrets = handshake.Secrets!;
        _cipher = new AesCtr(secrets.AesSecret, new byte[16]);
        _mac = secrets.CreateEgressMac();
        _decoder = secrets.CreateDecoder();
    }

    /// <summary>Says hello and reads the answer. False if there is none: the next read shows why.</summary>
    public async Task ExchangeHelloAsync(params Capability[] capabilities)
    {
        await SendAsync(Frame(BaseProtocol.HelloCode, HelloPayload(capabilities)));
        await ReadHelloAsync();
    }

    public byte[] HelloPayload(params Capability[] capabilities) =>
        RlpEncoding.Encode(new Hello(Hello.CurrentVersion, "hostile", capabilities, 0, _key.PublicKey));

    public async Task ReadHelloAsync()
    {
        if (await ReadAsync() is not { } hello)
        {
            throw new IOException("the connection was closed instead of a Hello");
        }

        if (hello.Code == BaseProtocol.DisconnectCode)
        {
            throw new PeerDisconnectedException(BaseProtocol.DecodeDisconnect(hello.Payload), isRemote: true);
        }

        Assert.Equal(BaseProtocol.HelloCode, hello.Code);
        UsesSnappy = true;
    }

    /// <summary>A frame as it should be.</summary>
    public byte[] Frame(ulong code, ReadOnlySpan<byte> payload)
    {
        byte[] data = new byte[FrameCodec.MaxCodeSize + SnappyPayload.GetMaxCompressedSize(payload.Length)];
        int size = RlpEncoding.WriteUInt64(data, code);
        if (UsesSnappy)
        {
            size += SnappyPayload.Compress(payload, data.AsSpan(size));
        }
        else
        {
            payload.CopyTo(data.AsSpan(size));
            size += payload.Length;
        }

        return RawFrame(data.AsSpan(0, size));
    }

    /// <summary>The same frame many times over: one block of bytes to send.</summary>
    public byte[] Frames(int count, ulong code, ReadOnlySpan<byte> payload)
    {
        using var all = new MemoryStream();
        for (int i = 0; i < count; i++)
        {
            all.Write(Frame(code, payload));
        }

        return all.ToArray();
    }

    /// <summary>A frame with authentic MACs around any frame-data: no code, bad compression, whatever.</summary>
    public byte[] RawFrame(ReadOnlySpan<byte> frameData)
    {
        byte[] frame = new byte[FrameCodec.WireSize(frameData.Length)];
        Header(frameData.Length).CopyTo(frame, 0);
        Span<byte> body = frame.AsSpan(FrameCodec.HeaderSize, FrameCodec.Pad(frameData.Length));
        frameData.CopyTo(body);
        _cipher!.Process(body);
        _mac!.Absorb(body);
        _mac.ComputeFrame(frame.AsSpan(frame.Length - FrameMac.Size));
        return frame;
    }

    /// <summary>A frame header alone, authentic, that announces what may never come.</summary>
    public byte[] Header(int announcedSize)
    {
        byte[] header = new byte[FrameCodec.HeaderSize];
        header[0] = (byte)(announcedSize >> 16);
        header[1] = (byte)(announcedSize >> 8);
        header[2] = (byte)announcedSize;
        FrameCodec.HeaderData.CopyTo(header.AsSpan(3));
        _cipher!.Process(header.AsSpan(0, FrameCodec.BlockSize));
        _mac!.ComputeHeader(header.AsSpan(0, FrameCodec.BlockSize), header.AsSpan(FrameCodec.BlockSize));
        return header;
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        while (!bytes.IsEmpty)
        {
            int sent = await _socket.SendAsync(bytes, SocketFlags.None, cancellationToken);
            bytes = bytes[sent..];
        }
    }

    /// <summary>The next frame, decrypted, decompressed where it can be; null at the end of the stream, however it came.</summary>
    public async Task<(ulong Code, byte[] Payload)?> ReadAsync()
    {
        while (true)
        {
            FrameStatus status = _decoder!.TryDecode(_received.AsSpan(_start.._end), out int consumed, out ulong code, out Range range);
            if (status == FrameStatus.Frame)
            {
                byte[] payload = Decompress(_received.AsSpan(_start.._end)[range]);
                _start += consumed;
                return (code, payload);
            }

            Assert.Equal(FrameStatus.NeedMoreData, status);
            _start += consumed;
            if (!await ReceiveAsync())
            {
                return null;
            }
        }
    }

    /// <summary>Reads to the end and says what reason was given, if one was.</summary>
    public async Task<DisconnectReason?> ReadReasonAsync()
    {
        DisconnectReason? reason = null;
        while (await ReadAsync().WithinDeadline() is { } frame)
        {
            if (frame.Code == BaseProtocol.DisconnectCode)
            {
                reason = BaseProtocol.DecodeDisconnect(frame.Payload);
                _socket.Shutdown(SocketShutdown.Send);
            }
        }

        return reason;
    }

    /// <summary>Sends a ping and reads until its pong.</summary>
    public async Task PingAsync()
    {
        await SendAsync(Frame(BaseProtocol.PingCode, BaseProtocol.EmptyList.Span));
        while (true)
        {
            (ulong Code, byte[] Payload)? frame = await ReadAsync().WithinDeadline();
            Assert.True(frame is not null, "the connection ended before the pong");
            Assert.NotEqual(BaseProtocol.DisconnectCode, frame.Value.Code);
            if (frame.Value.Code == BaseProtocol.PongCode)
            {
                return;
            }
        }
    }

    /// <summary>Closes with a reset: what both sides have not read is lost.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private byte[] Decompress(ReadOnlySpan<byte> data)
    {
        // A refusal that was sent before the other side knew our version is not compressed.
        if (!UsesSnappy || !SnappyPayload.TryGetSize(data, out int size))
        {
            return data.ToArray();
        }

        byte[] payload = new byte[size];
        return SnappyPayload.TryDecompress(data, payload) ? payload : data.ToArray();
    }

    private async Task<bool> ReceiveAsync()
    {
        if (_start == _end)
        {
            _start = _end = 0;
        }
        else if (_end == _received.Length)
        {
            byte[] larger = _start > 0 ? _received : new byte[2 * _received.Length];
            _received.AsSpan(_start.._end).CopyTo(larger);
            (_received, _end, _start) = (larger, _end - _start, 0);
        }

        try
        {
            int count = await _socket.ReceiveAsync(_received.AsMemory(_end), SocketFlags.None, TestContext.Current.CancellationToken);
            _end += count;
            return count > 0;
        }
        catch (SocketException)
        {
            WasReset = true;
            return false;
        }
    }
}
