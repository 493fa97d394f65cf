namespace DevP2P.Testing.Discovery;

/// <summary>What happens to the network as a whole.</summary>
internal enum NetworkEvent : byte
{
    Join,
    Leave,
    Lookup,
    Advertise,
    Search,
    Report,
}

/// <summary>What happens to one node: a datagram comes, or it is time for something.</summary>
/// <param name="Source">Who sent the datagram, or whose timer it is.</param>
/// <param name="Target">Where the datagram goes; -1 for a timer.</param>
/// <param name="Content">The datagram, in whatever form the protocol's nodes exchange it; null for a timer.</param>
internal readonly record struct Event(SimulatedNode Source, int Target, object? Content);

/// <summary>When something happens, and what comes first of what happens at the same moment.</summary>
/// <param name="Ticks">Virtual time since the start.</param>
/// <param name="Order">Different for all events of the same moment, and the same in every run.</param>
internal readonly record struct EventTime(long Ticks, long Order) : IComparable<EventTime>
{
    public int CompareTo(EventTime other) => Ticks != other.Ticks ? Ticks.CompareTo(other.Ticks) : Order.CompareTo(other.Order);
}
