using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>
/// A node of discovery v4 that only does what keeps it in another one's table, and asks it as much as one address may. Each has
/// an address of its own in 127.0.0.0/8, because a node counts packets by address.
/// </summary>
internal sealed class Discv4Client : IDisposable
{
    /// <summary>How many nodes an answer names when the table has enough.</summary>
    public const int AnswerNodes = Neighbors.MaxPerAnswer;

    /// <summary>How many requests each makes: less than a node takes from one address at once.</summary>
    public const int Requests = 96;

    private const int Window = 8;

    /// <summary>How long an answer is waited for; the others answer the node's checks every so often meanwhile, or it would forget them.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_slice = TimeSpan.FromMilliseconds(10);

    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly PacketSigner _sign;
    private readonly Socket _socket;
    private readonly Endpoint _self;
    private readonly Endpoint _node;
    private readonly byte[] _buffer = new byte[Codec.MaxPacketSize];
    private byte[][] _requests = [];
    private PacketType _answer;
    private int _answersEach;

    public Discv4Client(Node node, int number)
    {
        _sign = Discv4Options.SignWith(_key);
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)s_slice.TotalMilliseconds };
        _socket.Bind(new IPEndPoint(new IPAddress([127, 1, (byte)(number >> 8), (byte)number]), 0));
        _socket.Connect(node.UdpEndPoint!);
        _self = new Endpoint((IPEndPoint)_socket.LocalEndPoint!, ((IPEndPoint)_socket.LocalEndPoint!).Port);
        _node = new Endpoint(node.UdpEndPoint!, 0);
    }

    /// <summary>Pings, and answers the ping that comes back: both sides have an endpoint proof then.</summary>
    public void Bond()
    {
        _socket.Send(Encode(MakePing(0)));
        bool isAnswered = false;
        bool hasAnswered = false;
        while (!isAnswered || !hasAnswered)
        {
            switch (Receive())
            {
                case PacketType.Pong:
                    isAnswered = true;
                    break;
                case PacketType.Ping:
                    hasAnswered = true;
                    break;
                case null:
                    throw new CliException("the node does not answer pings");
            }
        }
    }

    /// <summary>Answers what has come.</summary>
    public void Serve()
    {
        while (_socket.Available > 0 && ReceiveSoon() is not null)
        {
        }
    }

    /// <summary>Makes the requests: signing them is not what is measured.</summary>
    public void Prepare(bool findNode)
    {
        Serve();
        _answer = findNode ? PacketType.Neighbors : PacketType.Pong;
        _answersEach = findNode ? (AnswerNodes + Neighbors.MaxPerPacket - 1) / Neighbors.MaxPerPacket : 1;
        _requests = [.. Enumerable.Range(1, Requests).Select(i => Encode(findNode ? MakeFindNode(i) : MakePing(i)))];
    }

    /// <summary>Sends them all, a few at a time.</summary>
    /// <param name="between">Done after each few, and while none is answered.</param>
    /// <returns>How many were answered.</returns>
    public long Run(Action between)
    {
        int answers = 0;
        for (int sent = 0; sent < _requests.Length; sent += Window)
        {
            for (int i = sent; i < sent + Window; i++)
            {
                _socket.Send(_requests[i]);
            }

            for (int wanted = Window * _answersEach; wanted > 0;)
            {
                PacketType? type = Receive(between);
                if (type is null)
                {
                    break;
                }

                wanted -= type == _answer ? 1 : 0;
                answers += type == _answer ? 1 : 0;
            }

            between();
        }

        return answers / _answersEach;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Receives a packet, and answers it if it is a ping.</summary>
    /// <param name="meanwhile">Done while none comes.</param>
    /// <returns>What it was; null if none came in time.</returns>
    private PacketType? Receive(Action? meanwhile = null)
    {
        long start = Stopwatch.GetTimestamp();
        PacketType? type;
        while ((type = ReceiveSoon()) is null && Stopwatch.GetElapsedTime(start) < s_patience)
        {
            meanwhile?.Invoke();
        }

        return type;
    }

    private PacketType? ReceiveSoon()
    {
        int length;
        try
        {
            length = _socket.Receive(_buffer);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return null;
        }

        ReadOnlySpan<byte> datagram = _buffer.AsSpan(0, length);
        PacketType type = Codec.GetType(datagram);
        if (type == PacketType.Ping)
        {
            _socket.Send(Encode(new Pong(_node, Codec.GetHash(datagram), Expiration(0), recordSequence: null)));
        }

        return type;
    }

    private Ping MakePing(int number) => new(Ping.CurrentVersion, _self, _node, Expiration(number), recordSequence: null);

    private static FindNode MakeFindNode(int number)
    {
        byte[] target = new byte[FindNode.TargetSize];
        Random.Shared.NextBytes(target);
        return new FindNode(target, Expiration(number));
    }

    /// <summary>Another one for each, so that no two packets are the same.</summary>
    private static ulong Expiration(int number) => (ulong)(DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 60 + number);

    private byte[] Encode(Packet packet)
    {
        byte[] buffer = new byte[Codec.MaxPacketSize];
        return buffer[..Codec.Encode(packet, _sign, buffer, out _)];
    }
}
