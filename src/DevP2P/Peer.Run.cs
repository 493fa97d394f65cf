using System.Net;
using DevP2P.Nodes;
using DevP2P.Rlp;
using DevP2P.Rlpx;
using Microsoft.Extensions.Logging;

namespace DevP2P;

/// <summary>
/// What runs a peer: one read loop, one handler per shared protocol, and <see cref="RunAsync"/>, which owns them all. The first
/// cause to end the peer wins (<see cref="Stop"/>). How messages get from the one to the others is in Peer.Delivery.cs.
/// </summary>
public sealed partial class Peer
{
    /// <summary>A ping goes out whenever this much time has passed since the last.</summary>
    internal static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(15);

    /// <summary>A handler that has not returned this long after its peer was dropped is given up on; the log says so.</summary>
    internal static readonly TimeSpan HandlerShutdownTimeout = TimeSpan.FromSeconds(5);

    private readonly MatchedProtocol[] _protocols;
    private readonly ProtocolStream[] _streams;
    private readonly TimeProvider _time;
    private readonly long _createdAt;
    private readonly RlpxConnection? _connection;
    private readonly CancellationTokenSource _stopped = new();
    private readonly TaskCompletionSource<PeerDrop> _cause = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastPing;
    private volatile bool _isActive;

    internal Peer(
        RlpxConnection connection, Node node, Hello hello, ConnectionFlags flags, EndPoint? local, EndPoint? remote,
        IReadOnlyList<Protocol> protocols, PeerEventHub? messageEvents, TimeProvider time, ILogger logger)
    {
        Id = node.Id;
        Node = node;
        FullName = hello.Name;
        Capabilities = hello.Capabilities;
        LocalEndPoint = local;
        RemoteEndPoint = remote;
        Logger = logger;
        _flags = flags;
        _connection = connection;
        _time = time;
        _createdAt = _lastPing = time.GetTimestamp();
        _protocols = ProtocolMatcher.Match(protocols, hello.Capabilities);
        RunningProtocols = Array.ConvertAll(_protocols, static m => m.Protocol.Capability);
        _streams = new ProtocolStream[_protocols.Length];
        for (int i = 0; i < _streams.Length; i++)
        {
            MatchedProtocol matched = _protocols[i];
            _streams[i] = new ProtocolStream(this, matched, connection, messageEvents);
            connection.Traffic.AddProtocol(matched.Protocol.Capability.ToString(), matched.Offset);
        }

        connection.GetMaxPayloadSize = GetMaxPayloadSize;
        connection.MaxFrameSize = GetMaxFrameSize(_protocols);
        connection.SendFailed = e => Stop(new PeerDrop(DisconnectReason.NetworkError, $"write failed: {Log.Describe(e)}", IsRemote: false));
    }

    /// <summary>Runs the peer until it is dropped and everything that belongs to it has ended.</summary>
    internal async Task<PeerDrop> RunAsync()
    {
        RlpxConnection connection = _connection!;
        Task reading = ReadLoopAsync(connection);
        Task[] handlers = Array.ConvertAll(_streams, stream => Task.Run(() => HandleAsync(stream)));

        PeerDrop cause = await _cause.Task.ConfigureAwait(false);
        var ended = new PeerDisconnectedException(cause.Reason, cause.IsRemote);
        foreach (ProtocolStream stream in _streams)
        {
            stream.End(ended);
        }

        await CancelHandlersAsync().ConfigureAwait(false);

        // What the other side ended, or what is broken, needs no farewell.
        if (!cause.IsRemote && cause.Reason != DisconnectReason.NetworkError)
        {
            await connection.CloseSendAsync(cause.Reason).ConfigureAwait(false);
            await WaitAsync(reading, RlpxConnection.DrainTimeout).ConfigureAwait(false);
        }

        connection.Dispose();
        await reading.ConfigureAwait(false);
        await connection.WaitForSendSideAsync().ConfigureAwait(false);
        connection.ReleaseReceiveBuffer();
        if (!await WaitAsync(Task.WhenAll(handlers), HandlerShutdownTimeout).ConfigureAwait(false))
        {
            Log.HandlerStuck(Logger, Id.ToShortString());
        }

        _stopped.Dispose();
        return cause;
    }

    /// <summary>Ends the peer, unless something else has already.</summary>
    internal void Stop(PeerDrop cause) => _cause.TrySetResult(cause);

    /// <summary>Called about once a second by the server: deadlines and pings of all peers hang on one timer.</summary>
    internal void Tick(long timestamp)
    {
        if (_connection!.IsReadOverdue(timestamp))
        {
            Stop(new PeerDrop(DisconnectReason.ReadTimeout, DisconnectReason.ReadTimeout.ToText(), IsRemote: false));
        }
        else if (_connection.IsWriteOverdue(timestamp))
        {
            Stop(new PeerDrop(DisconnectReason.NetworkError, "write timeout", IsRemote: false));
        }
        else if (_time.GetElapsedTime(_lastPing, timestamp) >= PingInterval)
        {
            _lastPing = timestamp;
            _ = _connection.WriteControlAsync(BaseProtocol.PingCode).AsTask();
        }
    }

    /// <summary>Whether messages of a protocol have come since the last call.</summary>
    internal bool TakeActivity()
    {
        bool isActive = _isActive;
        _isActive = false;
        return isActive;
    }

    /// <summary>A handler's callback on its token may throw: that is logged, and the peer is still taken apart.</summary>
    private async Task CancelHandlersAsync()
    {
        try
        {
            await _stopped.CancelAsync().ConfigureAwait(false);
        }
        catch (AggregateException e)
        {
            Log.CancellationFailed(Logger, Id.ToShortString(), e);
        }
    }

    /// <summary>What the greatest message of any protocol takes when it is compressed.</summary>
    private static int GetMaxFrameSize(MatchedProtocol[] protocols)
    {
        int payload = RlpxConnection.MaxBaseMessageSize;
        foreach (MatchedProtocol matched in protocols)
        {
            payload = Math.Max(payload, matched.Protocol.MaxMessageSize);
        }

        return FrameCodec.MaxCodeSize + SnappyPayload.GetMaxCompressedSize(payload);
    }

    private int GetMaxPayloadSize(ulong code)
    {
        if (code < BaseProtocol.Length)
        {
            return RlpxConnection.MaxBaseMessageSize;
        }

        return FindStream(code)?.Matched.Protocol.MaxMessageSize ?? -1;
    }

    private ProtocolStream? FindStream(ulong code)
    {
        foreach (ProtocolStream stream in _streams)
        {
            if (stream.Matched.Contains(code))
            {
                return stream;
            }
        }

        return null;
    }

    private async Task ReadLoopAsync(RlpxConnection connection)
    {
        try
        {
            while (!_cause.Task.IsCompleted)
            {
                if (!connection.TryRead(out Message message))
                {
                    message = await ReadAndWake(connection);
                }

                if (message.Code >= BaseProtocol.Length)
                {
                    _isActive = true;
                    Deliver(FindStream(message.Code)!, message);
                }
                else
                {
                    WakeHandler();
                    await HandleBaseMessageAsync(connection, message).ConfigureAwait(false);
                }
            }
        }
        catch (ProtocolViolationException e)
        {
            Stop(new PeerDrop(DisconnectReason.ProtocolError, e.Message, IsRemote: false));
        }
        catch (P2PException e)
        {
            Stop(new PeerDrop(DisconnectReason.NetworkError, e.Message, IsRemote: false));
        }
        catch (OperationCanceledException)
        {
            // The peer is being dropped while the loop waited for memory.
        }
        catch (Exception e)
        {
            // A defect of ours: it ends this peer and nothing else.
            Log.ReadLoopFailed(Logger, Id.ToShortString(), e);
            Stop(new PeerDrop(DisconnectReason.SubprotocolError, Log.Describe(e), IsRemote: false));
        }

        await connection.DrainAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private async ValueTask HandleBaseMessageAsync(RlpxConnection connection, Message message)
    {
        switch (message.Code)
        {
            case BaseProtocol.PingCode:
                message.Discard();
                await connection.WriteControlAsync(BaseProtocol.PongCode).ConfigureAwait(false);
                return;
            case BaseProtocol.DisconnectCode:
                DisconnectReason reason = BaseProtocol.DecodeDisconnect(message.Payload.Span);
                Stop(new PeerDrop(reason, reason.ToText(), IsRemote: true));
                break;
        }

        // Other base messages, a second Hello among them, are ignored as in Go.
        message.Discard();
    }

    private async Task HandleAsync(ProtocolStream stream)
    {
        Protocol protocol = stream.Matched.Protocol;
        PeerDrop cause;
        try
        {
            await protocol.RunAsync(this, stream, _stopped.Token).ConfigureAwait(false);
            cause = new PeerDrop(DisconnectReason.Quitting, $"protocol {protocol.Capability} returned", IsRemote: false);
        }
        catch (PeerDisconnectedException e)
        {
            cause = new PeerDrop(e.Reason, e.Message, e.IsRemote);
        }
        catch (Exception e) when (e is ProtocolViolationException or RlpException)
        {
            cause = new PeerDrop(DisconnectReason.ProtocolError, e.Message, IsRemote: false);
        }
        catch (Exception e)
        {
            if (!_cause.Task.IsCompleted)
            {
                Log.HandlerFailed(Logger, protocol.Capability, Id.ToShortString(), e);
            }

            cause = new PeerDrop(DisconnectReason.SubprotocolError, Log.Describe(e), IsRemote: false);
        }

        Stop(cause);
        stream.End(new PeerDisconnectedException(cause.Reason, cause.IsRemote));
        stream.Release();
    }

    private async Task<bool> WaitAsync(Task task, TimeSpan limit)
    {
        try
        {
            await task.WaitAsync(limit, _time).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
