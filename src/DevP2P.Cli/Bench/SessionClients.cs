using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>
/// Clients of a discovery v5.1 node, each with a session and a number of requests that are always under way. Their packets are made
/// beforehand, so that the node has most of the machine.
/// </summary>
internal sealed class SessionClients(Node node, int window)
{
    private readonly IPEndPoint _to = node.UdpEndPoint!;
    private long _answers;
    private volatile bool _stops;

    public long Answers => Interlocked.Read(ref _answers);

    /// <summary>Runs clients until <see cref="Stop"/>, each in a thread of its own.</summary>
    public Task RunAsync(int clients) =>
        Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Factory.StartNew(Run, TaskCreationOptions.LongRunning)));

    public void Stop() => _stops = true;

    private void Run()
    {
        var key = PrivateKey.Generate();
        var crypto = new V4IdentityCrypto(key);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 200 };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Connect(_to);
        Session session = Open(socket, key, crypto);
        byte[][] requests = [.. Enumerable.Range(0, 64).Select(i => Ping(session, key, i))];
        byte[] buffer = new byte[PacketCodec.MaxPacketSize];
        int next = 0;
        for (int underWay = 0; !_stops;)
        {
            for (; underWay < window; underWay++)
            {
                socket.Send(requests[next++ % requests.Length]);
            }

            try
            {
                socket.Receive(buffer);
                underWay--;
                Interlocked.Increment(ref _answers);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
            {
                // All that is under way has been lost.
                underWay = 0;
            }
        }
    }

    private Session Open(Socket socket, PrivateKey key, V4IdentityCrypto crypto)
    {
        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        byte[] received = new byte[PacketCodec.MaxPacketSize];
        var random = new BufferedRandom(RandomSource.System);
        AesBlock mask = PacketCodec.CreateMask(node.Id);
        byte[] iv = new byte[PacketCodec.MaskingIvSize];
        int head = PacketCodec.WriteMessageHead(packet, iv, new Nonce((uint)random.NextUInt64(), 1), key.PublicKey.NodeId);
        PacketCodec.MaskHead(mask, packet, head);
        socket.Send(packet.AsSpan(0, head + PacketCodec.RandomMessageSize));

        int size = socket.Receive(received);
        if (PacketCodec.TryUnmask(PacketCodec.CreateMask(key.PublicKey.NodeId), received.AsSpan(0, size), out PacketHeader header) != PacketError.None
            || header.Flag != PacketFlag.WhoAreYou)
        {
            throw new InvalidOperationException("no challenge");
        }

        byte[] ephemeral = new byte[Secp256k1.CompressedKeySize];
        byte[] signature = new byte[Secp256k1.SignatureSize];
        byte[] keys = new byte[SessionCrypto.KeysSize];
        crypto.TryInitiate(node.PublicKey, received.AsSpan(0, header.Size), PrivateKey.Generate().Bytes, ephemeral, signature, keys);
        var session = new Session(crypto, keys, isInitiator: true, TimeSpan.Zero);

        // Without an endpoint in its record the node does not want it in its table.
        NodeRecord record = new NodeRecordBuilder { Sequence = 1 }.Sign(key);
        byte[] ping = new byte[64];
        int length = MessageCodec.WritePing(ping, new RequestId(1), 1);
        Nonce nonce = session.NextNonce(0);
        head = PacketCodec.WriteHandshakeHead(packet, iv, nonce, key.PublicKey.NodeId, signature, ephemeral, record.Encoded.Span);
        int end = head + length + PacketCodec.TagSize;
        session.Encrypt(nonce, ping.AsSpan(0, length), packet.AsSpan(0, head), packet.AsSpan(head, end - head));
        PacketCodec.MaskHead(mask, packet, head);
        socket.Send(packet.AsSpan(0, end));
        socket.Receive(received);
        return session;
    }

    private byte[] Ping(Session session, PrivateKey key, int i)
    {
        byte[] ping = new byte[64];
        byte[] iv = new byte[PacketCodec.MaskingIvSize];
        iv[0] = (byte)i;
        byte[] packet = new byte[256];
        int length = MessageCodec.WritePing(ping, new RequestId(0x1234_5678_9ABC_DE00 + (ulong)i), 1);
        Nonce nonce = session.NextNonce((ulong)i);
        int head = PacketCodec.WriteMessageHead(packet, iv, nonce, key.PublicKey.NodeId);
        int end = head + length + PacketCodec.TagSize;
        session.Encrypt(nonce, ping.AsSpan(0, length), packet.AsSpan(0, head), packet.AsSpan(head, end - head));
        PacketCodec.MaskHead(PacketCodec.CreateMask(node.Id), packet, head);
        return packet[..end];
    }
}
