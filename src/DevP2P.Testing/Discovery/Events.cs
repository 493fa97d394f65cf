namespace DevP2P.Testing.Discovery;

internal enum EventKind : byte
{
    Join,
    Leave,
    Packet,
    Timer,
    Lookup,
    Report,
}

/// <summary>Something that is to happen.</summary>
/// <param name="Kind">What.</param>
/// <param name="Source">Whose packet or timer it is; null for the rest.</param>
/// <param name="Target">Where a packet goes.</param>
/// <param name="Datagram">The packet.</param>
internal readonly record struct Event(
    EventKind Kind, SimulatedNode? Source = null, int Target = -1, ReadOnlyMemory<byte> Datagram = default);

/// <summary>When something happens; of what happens at the same moment, what was asked for first comes first.</summary>
internal readonly record struct EventTime(long Ticks, long Order) : IComparable<EventTime>
{
    public int CompareTo(EventTime other) => Ticks != other.Ticks ? Ticks.CompareTo(other.Ticks) : Order.CompareTo(other.Order);
}
