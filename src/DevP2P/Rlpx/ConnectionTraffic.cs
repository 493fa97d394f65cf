using System.Runtime.InteropServices;

namespace DevP2P.Rlpx;

/// <summary>
/// What has gone over one connection, protocol by protocol. Each direction has one writer at a time (the read loop; whoever holds the write
/// gate), so counting needs no interlocked operation, and no line of the cache is shared with another connection. Readers may come from
/// anywhere: each number is right at some moment.
/// </summary>
internal sealed class ConnectionTraffic
{
    /// <summary>What messages below the protocols' first code are counted as, whatever version the other side has.</summary>
    public static readonly string BaseProtocolName = $"p2p/{Hello.CurrentVersion}";

    // In the order of their first codes; the base protocol is always there.
    private Slot[] _slots = [new Slot(BaseProtocolName, 0)];

    /// <summary>Names what runs on the connection, in the order of the codes. Before the first message with such a code.</summary>
    public void AddProtocol(string name, ulong firstCode) => Volatile.Write(ref _slots, [.. _slots, new Slot(name, firstCode)]);

    /// <summary>In the read loop: a message came in.</summary>
    public void CountReceived(ulong code, int payload, int wire) => Find(code).Received.Add(payload, wire);

    /// <summary>With the write gate held: a message was written.</summary>
    public void CountSent(ulong code, int payload, int wire) => Find(code).Sent.Add(payload, wire);

    /// <summary>What was counted until now.</summary>
    public IEnumerable<(string Name, TrafficNumbers Received, TrafficNumbers Sent)> Read() =>
        Volatile.Read(ref _slots).Select(static slot => (slot.Name, slot.Received.Read(), slot.Sent.Read()));

    private Slot Find(ulong code)
    {
        Slot[] slots = _slots;
        int i = slots.Length - 1;
        while (i > 0 && code < slots[i].FirstCode)
        {
            i--;
        }

        return slots[i];
    }

    private sealed class Slot(string name, ulong firstCode)
    {
        public readonly string Name = name;
        public readonly ulong FirstCode = firstCode;
        public Count Received;
        public Count Sent;
    }

    /// <summary>Padded: the two directions are counted on different threads.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Count
    {
        private long _messages;
        private long _bytes;
        private long _wireBytes;

        public void Add(int payload, int wire)
        {
            Volatile.Write(ref _messages, _messages + 1);
            Volatile.Write(ref _bytes, _bytes + payload);
            Volatile.Write(ref _wireBytes, _wireBytes + wire);
        }

        public readonly TrafficNumbers Read() => new(Volatile.Read(in _messages), Volatile.Read(in _bytes), Volatile.Read(in _wireBytes));
    }
}

/// <summary>One direction of one protocol.</summary>
/// <param name="Messages">Whole messages.</param>
/// <param name="Bytes">Their payloads, uncompressed.</param>
/// <param name="WireBytes">Their frames.</param>
internal readonly record struct TrafficNumbers(long Messages, long Bytes, long WireBytes);
