namespace DevP2P.Discovery.V4;

/// <summary>Why a datagram is no packet of discovery v4; in the order in which it is checked, cheapest first.</summary>
internal enum DecodeError
{
    None,

    /// <summary>Shorter than a header and a type.</summary>
    TooShort,

    /// <summary>Longer than <see cref="Codec.MaxPacketSize"/>.</summary>
    TooLong,

    /// <summary>The type is none of <see cref="PacketType"/>.</summary>
    UnknownType,

    /// <summary>The hash does not belong to the rest: damaged, cut off, or of another protocol.</summary>
    BadHash,

    /// <summary>The data is not the RLP list that the type demands.</summary>
    BadContent,

    /// <summary>No key can have made the signature.</summary>
    BadSignature,
}
