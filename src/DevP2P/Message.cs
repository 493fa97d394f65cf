using System.Buffers;
using DevP2P.Buffers;
using DevP2P.Rlp;

namespace DevP2P;

/// <summary>
/// A received message. Its payload is one contiguous buffer that belongs to the stream and is valid until the next read on that
/// stream; <see cref="TakeOwnership"/> keeps it for longer.
/// </summary>
/// <remarks>Go: <c>p2p.Msg</c>.</remarks>
public readonly struct Message
{
    private readonly ReceivedPayload? _payload;
    private readonly int _generation;
    private readonly long _receivedAtTicks;

    internal Message(ulong code, int size, ReceivedPayload? payload, long receivedAtUtcTicks)
    {
        Code = code;
        Size = size;
        _payload = payload;
        _generation = payload?.Generation ?? 0;
        _receivedAtTicks = receivedAtUtcTicks;
    }

    /// <summary>The message's code, counted from 0 within the protocol.</summary>
    public ulong Code { get; }

    /// <summary>The payload's length in bytes, after decompression.</summary>
    public int Size { get; }

    /// <summary>When the message came in, UTC.</summary>
    public DateTimeOffset ReceivedAt => new(_receivedAtTicks, TimeSpan.Zero);

    /// <summary>The payload.</summary>
    /// <exception cref="InvalidOperationException">The payload is gone: another message was read, or it was discarded or taken.</exception>
    /// <exception cref="MessagePipeClosedException">The pipe that the message came through is closed.</exception>
    public ReadOnlyMemory<byte> Payload => _payload is null ? default : _payload.GetMemory(_generation, Size);

    internal ReceivedPayload? Owner => _payload;

    internal int Generation => _generation;

    /// <summary>A reader over the payload. The payload must be one or more RLP items.</summary>
    public RlpReader GetReader() => new(Payload.Span);

    /// <summary>
    /// Takes the payload from the stream: it stays valid until the result is disposed, and is no longer counted against the
    /// server's memory budget. The message's own <see cref="Payload"/> is gone after this call.
    /// </summary>
    /// <exception cref="InvalidOperationException">The payload is gone.</exception>
    public IMemoryOwner<byte> TakeOwnership() => _payload is null ? new OwnedPayload(null, 0) : _payload.Take(_generation, Size);

    /// <summary>Gives the payload back before the next read does. Does nothing if it is gone already.</summary>
    /// <remarks>Go: <c>Msg.Discard</c>.</remarks>
    public void Discard() => _payload?.Release(_generation);

    /// <summary>"msg #3 (42 bytes)".</summary>
    public override string ToString() => $"msg #{Code} ({Size} bytes)";

    internal Message WithCode(ulong code) => new(code, Size, _payload, _receivedAtTicks);
}
