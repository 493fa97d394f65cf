using System.Diagnostics.CodeAnalysis;
using DevP2P.NetUtil;

namespace DevP2P.Discovery.Core;

/// <summary>A datagram that a machine wants to be sent.</summary>
internal sealed class OutgoingDatagram(int capacity)
{
    public byte[] Buffer { get; } = new byte[capacity];

    public int Length { get; set; }

    public CompactEndPoint To { get; set; }

    public ReadOnlySpan<byte> Bytes => Buffer.AsSpan(0, Length);
}

/// <summary>
/// The datagrams that a machine hands out, in order. The pump gives each back when it has been sent, so that in the long run nothing
/// is allocated for them.
/// </summary>
/// <param name="capacity">The size of the largest datagram.</param>
internal sealed class DatagramQueue(int capacity)
{
    /// <summary>How many are kept for later; more are left to the garbage collector.</summary>
    private const int MaxFree = 64;

    private readonly Queue<OutgoingDatagram> _queue = [];
    private readonly Stack<OutgoingDatagram> _free = [];

    /// <summary>A datagram to write to, then to <see cref="Enqueue"/>.</summary>
    public OutgoingDatagram Rent() => _free.TryPop(out OutgoingDatagram? datagram) ? datagram : new OutgoingDatagram(capacity);

    public void Enqueue(OutgoingDatagram datagram, in CompactEndPoint to, int length)
    {
        (datagram.To, datagram.Length) = (to, length);
        _queue.Enqueue(datagram);
    }

    /// <summary>The next datagram to send; give it back with <see cref="Return"/>.</summary>
    public bool TryDequeue([NotNullWhen(true)] out OutgoingDatagram? datagram) => _queue.TryDequeue(out datagram);

    public void Return(OutgoingDatagram datagram)
    {
        if (_free.Count < MaxFree)
        {
            _free.Push(datagram);
        }
    }
}
