namespace DevP2P.Discovery.LegacyV5;

/// <summary>What comes of an attempt to register with a ticket.</summary>
internal enum TicketUse
{
    /// <summary>There is a new entry.</summary>
    Registered,

    /// <summary>There was one, and it lasts longer now.</summary>
    Prolonged,

    /// <summary>We have not issued this ticket, not for this node at this address, or not for these topics.</summary>
    Invalid,

    /// <summary>It is too early or too late.</summary>
    OutsideWindow,

    /// <summary>The ticket was used for this topic, or a later one was used since.</summary>
    Used,

    /// <summary>The node has used another ticket not long ago.</summary>
    TooSoon,

    /// <summary>The node's network has all the entries that it may have.</summary>
    NetworkFull,

    /// <summary>All places of the topic are taken by entries that are too young to be replaced.</summary>
    TopicBusy,

    /// <summary>More nodes register than can be remembered.</summary>
    TableFull,
}
