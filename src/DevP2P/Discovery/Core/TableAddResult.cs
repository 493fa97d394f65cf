namespace DevP2P.Discovery.Core;

/// <summary>What became of a node that was offered to a <see cref="NodeTable"/>.</summary>
internal enum TableAddResult : byte
{
    /// <summary>It is a new entry of its bucket.</summary>
    Added,

    /// <summary>Its bucket is full: it waits as a replacement.</summary>
    AddedAsReplacement,

    /// <summary>It was in the table; its endpoint or record is updated.</summary>
    Updated,

    /// <summary>It was in the table; it says nothing that is both new and acceptable.</summary>
    Known,

    /// <summary>Refused: it is the table's owner.</summary>
    Self,

    /// <summary>Refused: it has no address or no UDP port.</summary>
    NoEndPoint,

    /// <summary>Refused: an inbound node, before the table has initialized (threat T03).</summary>
    NotInitialized,

    /// <summary>Refused: its address is special-purpose, local though its source is not, or outside the networks that the operator allows (threat T18).</summary>
    AddressNotAllowed,

    /// <summary>Refused: bucket or table hold as many nodes of its network as they may (threat T01).</summary>
    NetworkLimit,
}
