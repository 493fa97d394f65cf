using DevP2P.Buffers;
using DevP2P.Rlpx;

namespace DevP2P;

/// <summary>One protocol's view of a peer's connection: message codes from 0, and only its own.</summary>
internal sealed class ProtocolStream(Peer peer, MatchedProtocol matched, RlpxConnection connection, PeerEventHub? messageEvents)
    : IMessageStream
{
    private readonly MessageQueue _queue = new();
    private Exception? _ended;

    public MatchedProtocol Matched => matched;

    public Peer Peer => peer;

    /// <summary>Messages that the handler has not read yet.</summary>
    public int QueueLength => _queue.Count;

    public ValueTask<Message> ReadAsync(CancellationToken cancellationToken = default) =>
        messageEvents is null ? _queue.DequeueAsync(cancellationToken) : ReadAndTellAsync(messageEvents, cancellationToken);

    public ValueTask WriteAsync(ulong code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        if (Volatile.Read(ref _ended) is { } ended)
        {
            return ValueTask.FromException(ended);
        }

        if (code >= matched.Protocol.Length)
        {
            return ValueTask.FromException(new ProtocolViolationException(
                $"invalid message code {code}: {matched.Protocol.Capability} has codes 0 to {matched.Protocol.Length - 1}"));
        }

        ulong onWire = matched.Offset + code;
        return messageEvents is null
            ? connection.WriteAsync(onWire, payload, cancellationToken)
            : WriteAndTellAsync(messageEvents, onWire, code, payload, cancellationToken);
    }

    /// <summary>Sends a message of this protocol that goes to others, too.</summary>
    /// <returns>As <see cref="RlpxConnection.Broadcast.Add"/>.</returns>
    public RlpxConnection.SendOutcome Send(RlpxConnection.Broadcast broadcast, ulong code, int size)
    {
        RlpxConnection.SendOutcome outcome = Volatile.Read(ref _ended) is null
            ? broadcast.Add(connection, matched.Offset + code)
            : RlpxConnection.SendOutcome.Closed;
        if (outcome == RlpxConnection.SendOutcome.Sent && messageEvents is not null)
        {
            messageEvents.Publish(peer.CreateMessageEvent(PeerEventType.MessageSent, matched.Protocol.Name, code, size));
        }

        return outcome;
    }

    /// <summary>Takes a message off the read loop, which is to call <see cref="Wake"/> before it waits for more.</summary>
    public void Deliver(Message message)
    {
        Message own = message.WithCode(message.Code - matched.Offset);
        if (!_queue.TryEnqueueQuietly(own))
        {
            own.Discard();
        }
    }

    /// <summary>Wakes the handler, if it waits for what was delivered.</summary>
    /// <param name="here">As of <see cref="MessageQueue.Wake"/>.</param>
    public void Wake(bool here = false) => _queue.Wake(here);

    /// <summary>No more reads and writes: what is queued may still be read.</summary>
    public void End(Exception reason)
    {
        Interlocked.CompareExchange(ref _ended, reason, null);
        _queue.Complete(reason);
    }

    /// <summary>Gives back all memory, once the handler has returned.</summary>
    public void Release()
    {
        _queue.Clear();
        _queue.HandedOut.Discard();
    }

    private async ValueTask<Message> ReadAndTellAsync(PeerEventHub events, CancellationToken cancellationToken)
    {
        Message message = await _queue.DequeueAsync(cancellationToken).ConfigureAwait(false);
        events.Publish(peer.CreateMessageEvent(PeerEventType.MessageReceived, matched.Protocol.Name, message.Code, message.Size));
        return message;
    }

    private async ValueTask WriteAndTellAsync(
        PeerEventHub events, ulong onWire, ulong code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        await connection.WriteAsync(onWire, payload, cancellationToken).ConfigureAwait(false);
        events.Publish(peer.CreateMessageEvent(PeerEventType.MessageSent, matched.Protocol.Name, code, payload.Length));
    }
}
