using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using DevP2P.Nodes;
using DevP2P.Rlp;

namespace DevP2P.Cli.Demo;

/// <summary>
/// A small flooding protocol, "gossip" version 1 with one message: <c>[origin, number, sentAt, payload]</c>. A node passes
/// on what it has not seen before, to everyone but the peer it came from; so every message reaches every node of a
/// connected network once per link at most. One object serves all peers of one node.
/// </summary>
/// <param name="self">The node's own id: the origin of what it publishes.</param>
internal sealed class GossipProtocol(NodeId self)
{
    public const string Name = "gossip";
    private const ulong GossipCode = 0;

    /// <summary>Largest message that is accepted; the demo's are smaller than 2 KB.</summary>
    private const int MaxMessageSize = 16 * 1024;

    /// <summary>Messages that wait for one slow peer. One more is dropped, and counted: a flood must not wait for its slowest link.</summary>
    private const int MaxQueued = 4096;

    /// <summary>Origins whose messages are remembered. Those of further ones are refused.</summary>
    private const int MaxOrigins = 1024;

    private readonly ConcurrentDictionary<NodeId, Channel<byte[]>> _links = new();
    private readonly Dictionary<NodeId, SeenNumbers> _seen = [];
    private readonly Lock _gate = new();
    private ulong _published;
    private long _delivered;
    private long _duplicates;
    private long _dropped;
    private long _sent;

    /// <summary>Messages that this node published.</summary>
    public ulong Published => Volatile.Read(ref _published);

    /// <summary>Messages of others that reached this node, each counted once.</summary>
    public long Delivered => Volatile.Read(ref _delivered);

    /// <summary>Copies that came over a second link.</summary>
    public long Duplicates => Volatile.Read(ref _duplicates);

    /// <summary>Copies that a full queue cost.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Copies that this node sent to its peers.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Peers that speak the protocol now.</summary>
    public int Links => _links.Count;

    /// <summary>Whether a peer speaks the protocol with us now.</summary>
    public bool IsLinked(NodeId peer) => _links.ContainsKey(peer);

    /// <summary>From publication to arrival here, over however many hops.</summary>
    public Latencies Latencies { get; } = new();

    /// <summary>For <see cref="ServerOptions.Protocols"/>.</summary>
    public Protocol ToProtocol() => new()
    {
        Name = Name,
        Version = 1,
        Length = 1,
        MaxMessageSize = MaxMessageSize,
        RunAsync = (peer, stream, cancellationToken) => RunAsync(peer.Id, stream, cancellationToken),
    };

    /// <summary>Messages of one origin that are here.</summary>
    public ulong DeliveredFrom(NodeId origin)
    {
        lock (_gate)
        {
            return _seen.TryGetValue(origin, out SeenNumbers? numbers) ? numbers.Count : 0;
        }
    }

    /// <summary>Sends a new message on its way to every node.</summary>
    public void Publish(ReadOnlySpan<byte> payload)
    {
        ulong number = Interlocked.Increment(ref _published) - 1;
        Flood(Encode(self, number, Stopwatch.GetTimestamp(), payload), except: self);
    }

    /// <summary>Serves one peer until it is gone.</summary>
    public async Task RunAsync(NodeId peer, IMessageStream stream, CancellationToken cancellationToken)
    {
        var queue = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(MaxQueued) { SingleReader = true });
        if (!_links.TryAdd(peer, queue))
        {
            throw new PeerDisconnectedException(DisconnectReason.AlreadyConnected);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task writing = WriteAllAsync(stream, queue.Reader, stop.Token);
        try
        {
            await ReadAllAsync(peer, stream, stop.Token);
        }
        finally
        {
            _links.TryRemove(peer, out _);
            await stop.CancelAsync();
            await writing.ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    private async Task ReadAllAsync(NodeId peer, IMessageStream stream, CancellationToken cancellationToken)
    {
        while (true)
        {
            Message message = await stream.ReadAsync(cancellationToken);
            if (message.Code == GossipCode && TryAccept(message.Payload.Span))
            {
                // The bytes outlive this read: they wait in the queues of the other peers.
                Flood(message.Payload.ToArray(), except: peer);
            }
        }
    }

    private async Task WriteAllAsync(IMessageStream stream, ChannelReader<byte[]> queue, CancellationToken cancellationToken)
    {
        await foreach (byte[] message in queue.ReadAllAsync(cancellationToken))
        {
            await stream.WriteAsync(GossipCode, message, cancellationToken);
            Interlocked.Increment(ref _sent);
        }
    }

    /// <summary>True if the message is valid and new here.</summary>
    private bool TryAccept(ReadOnlySpan<byte> encoded)
    {
        var reader = new RlpReader(encoded);
        Span<byte> origin = stackalloc byte[NodeId.Size];
        if (!reader.TryReadList(out RlpReader list)
            || !list.TryReadBytes(origin)
            || !list.TryReadUInt64(out ulong number)
            || !list.TryReadUInt64(out ulong sentAt))
        {
            throw new ProtocolViolationException("gossip: a message is a list [origin, number, sentAt, payload]");
        }

        var id = new NodeId(origin);
        if (id == self || !TryMarkSeen(id, number))
        {
            Interlocked.Increment(ref _duplicates);
            return false;
        }

        // All nodes of the demo run on one machine and so share its monotonic clock.
        Latencies.Record(Stopwatch.GetElapsedTime((long)sentAt));
        Interlocked.Increment(ref _delivered);
        return true;
    }

    private bool TryMarkSeen(NodeId origin, ulong number)
    {
        lock (_gate)
        {
            if (!_seen.TryGetValue(origin, out SeenNumbers? numbers))
            {
                if (_seen.Count >= MaxOrigins)
                {
                    return false;
                }

                numbers = new SeenNumbers();
                _seen.Add(origin, numbers);
            }

            return numbers.TryAdd(number);
        }
    }

    private void Flood(byte[] message, NodeId except)
    {
        foreach ((NodeId peer, Channel<byte[]> queue) in _links)
        {
            if (peer != except && !queue.Writer.TryWrite(message))
            {
                Interlocked.Increment(ref _dropped);
            }
        }
    }

    private static byte[] Encode(NodeId origin, ulong number, long sentAt, ReadOnlySpan<byte> payload)
    {
        Span<byte> id = stackalloc byte[NodeId.Size];
        origin.CopyTo(id);
        using var writer = new RlpWriter(payload.Length + 64);
        RlpListToken list = writer.StartList();
        writer.Write(id);
        writer.Write(number);
        writer.Write((ulong)sentAt);
        writer.Write(payload);
        writer.EndList(list);
        return writer.ToArray();
    }

    /// <summary>
    /// The message numbers of one origin that have been seen, in bounded memory: all below a limit, and a few above it that
    /// came early by a shorter way.
    /// </summary>
    private sealed class SeenNumbers
    {
        private const int MaxEarly = 4096;

        private readonly HashSet<ulong> _early = [];
        private ulong _next;

        public ulong Count => _next + (ulong)_early.Count;

        public bool TryAdd(ulong number)
        {
            if (number < _next || (number != _next && (_early.Count >= MaxEarly || !_early.Add(number))))
            {
                return false;
            }

            if (number == _next)
            {
                do
                {
                    _next++;
                }
                while (_early.Remove(_next));
            }

            return true;
        }
    }
}
