using System.Buffers.Binary;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>What kind of packet it is (discv5-wire.md, "Packet Encoding").</summary>
internal enum PacketFlag : byte
{
    /// <summary>An encrypted message, or random bytes that ask for a WHOAREYOU.</summary>
    Message = 0,

    /// <summary>A challenge: the recipient of a message cannot decrypt it.</summary>
    WhoAreYou = 1,

    /// <summary>The answer to a challenge, with a message.</summary>
    Handshake = 2,
}

/// <summary>Why a datagram is no discovery v5 packet.</summary>
internal enum PacketError : byte
{
    None,

    /// <summary>Shorter than <see cref="PacketCodec.MinPacketSize"/>.</summary>
    TooShort,

    /// <summary>Longer than <see cref="PacketCodec.MaxPacketSize"/>.</summary>
    TooLong,

    /// <summary>Another protocol, another version, or a packet for another node.</summary>
    NotForUs,

    /// <summary>A flag that the specification does not have.</summary>
    UnknownFlag,

    /// <summary>The authdata has not the size that it must have, or reaches beyond the packet.</summary>
    BadAuthData,

    /// <summary>A message where none may be, or none that could be one where it must be.</summary>
    BadMessage,
}

/// <summary>The unmasked header of a packet, which says where in the datagram everything is.</summary>
/// <param name="Flag">The kind.</param>
/// <param name="Nonce">The nonce.</param>
/// <param name="AuthDataSize">The size of what follows the static header.</param>
internal readonly record struct PacketHeader(PacketFlag Flag, Nonce Nonce, int AuthDataSize)
{
    /// <summary>Where the message begins. What is before it is authenticated with it: masking-iv || header.</summary>
    public int Size => PacketCodec.PrefixSize + AuthDataSize;

    /// <summary>The sender of a message or a handshake.</summary>
    public static NodeId GetSource(ReadOnlySpan<byte> datagram) => new(datagram.Slice(PacketCodec.PrefixSize, NodeId.Size));

    /// <summary>The sequence number in a WHOAREYOU: of the record of ours that the other side has; 0 if it has none.</summary>
    public static ulong GetChallengeSequence(ReadOnlySpan<byte> datagram) =>
        BinaryPrimitives.ReadUInt64BigEndian(datagram[(PacketCodec.PrefixSize + PacketCodec.IdNonceSize)..]);

    /// <summary>The id signature of a handshake.</summary>
    public static ReadOnlySpan<byte> GetSignature(ReadOnlySpan<byte> datagram) =>
        datagram.Slice(PacketCodec.PrefixSize + PacketCodec.HandshakeHeadSize, Secp256k1.SignatureSize);

    /// <summary>The ephemeral public key of a handshake, compressed.</summary>
    public static ReadOnlySpan<byte> GetEphemeralKey(ReadOnlySpan<byte> datagram) =>
        datagram.Slice(PacketCodec.PrefixSize + PacketCodec.HandshakeHeadSize + Secp256k1.SignatureSize, Secp256k1.CompressedKeySize);

    /// <summary>The node record of a handshake; empty if it has none.</summary>
    public ReadOnlySpan<byte> GetRecord(ReadOnlySpan<byte> datagram) => datagram[(PacketCodec.PrefixSize + PacketCodec.HandshakeSize)..Size];
}
