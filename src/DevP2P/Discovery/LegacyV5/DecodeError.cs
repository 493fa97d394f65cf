namespace DevP2P.Discovery.LegacyV5;

/// <summary>Why a datagram is no packet of the legacy topic discovery; in the order in which it is checked, cheapest first.</summary>
internal enum DecodeError
{
    None,

    /// <summary>Shorter than a header, a type and an empty list.</summary>
    TooShort,

    /// <summary>Longer than <see cref="Codec.MaxPacketSize"/>.</summary>
    TooLong,

    /// <summary>It does not begin with <see cref="Codec.Prefix"/>.</summary>
    BadPrefix,

    /// <summary>The type is none of <see cref="PacketType"/>.</summary>
    UnknownType,

    /// <summary>The data is not the RLP list that the type demands.</summary>
    BadContent,

    /// <summary>No key can have made the signature.</summary>
    BadSignature,
}
