using System.Buffers.Binary;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>
/// Discovery v5.1 packets from and to bytes: header and masking (discv5-wire.md, "Packet Encoding"). What is in the encrypted
/// message is <see cref="MessageCodec"/>'s. Hostile bytes never throw; nothing is allocated.
/// </summary>
/// <remarks>Go: package <c>v5wire</c>.</remarks>
internal static class PacketCodec
{
    /// <summary>No packet is longer, in either direction.</summary>
    public const int MaxPacketSize = 1280;

    /// <summary>No packet is shorter: a WHOAREYOU.</summary>
    public const int MinPacketSize = PrefixSize + WhoAreYouSize;

    public const int MaskingIvSize = AesBlock.BlockSize;
    public const int StaticHeaderSize = 23;

    /// <summary>What each packet begins with: masking IV and static header.</summary>
    public const int PrefixSize = MaskingIvSize + StaticHeaderSize;

    public const int TagSize = 16;
    public const int IdNonceSize = 16;

    /// <summary>The authdata of a message.</summary>
    public const int MessageAuthSize = NodeId.Size;

    /// <summary>The authdata of a WHOAREYOU.</summary>
    public const int WhoAreYouSize = IdNonceSize + sizeof(ulong);

    /// <summary>The first part of a handshake's authdata: source, size of the signature, size of the key.</summary>
    public const int HandshakeHeadSize = NodeId.Size + 2;

    /// <summary>The authdata of a handshake without a record.</summary>
    public const int HandshakeSize = HandshakeHeadSize + Secp256k1.SignatureSize + Secp256k1.CompressedKeySize;

    /// <summary>The longest plaintext that fits into a message packet.</summary>
    public const int MaxMessageSize = MaxPacketSize - PrefixSize - MessageAuthSize - TagSize;

    /// <summary>The longest plaintext that fits into a handshake with a record of any size.</summary>
    public const int MaxHandshakeMessageSize = MaxPacketSize - PrefixSize - HandshakeSize - NodeRecord.MaxSize - TagSize;

    /// <summary>The size of what is in place of a message when there are no keys: as go-ethereum's, so that all look alike.</summary>
    public const int RandomMessageSize = 20;

    // protocol-id || version
    private const int FlagOffset = MaskingIvSize + 8;
    private const int NonceOffset = FlagOffset + 1;
    private const int AuthSizeOffset = NonceOffset + Nonce.Size;

    private static ReadOnlySpan<byte> ProtocolAndVersion => "discv5\0\x01"u8;

    /// <summary>Makes the cipher that masks the headers of packets to a node.</summary>
    public static AesBlock CreateMask(in NodeId destination)
    {
        Span<byte> id = stackalloc byte[NodeId.Size];
        destination.CopyTo(id);
        return new AesBlock(id[..AesBlock.BlockSize]);
    }

    /// <summary>The cheap test, one AES block: whether a datagram is a packet of this protocol for us. Changes nothing.</summary>
    /// <param name="mask">Of our own id.</param>
    /// <param name="datagram">Anything.</param>
    public static PacketError Check(AesBlock mask, ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < MinPacketSize)
        {
            return PacketError.TooShort;
        }

        if (datagram.Length > MaxPacketSize)
        {
            return PacketError.TooLong;
        }

        Span<byte> first = stackalloc byte[AesBlock.BlockSize];
        mask.Encrypt(datagram[..MaskingIvSize], first);
        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(first) ^ BinaryPrimitives.ReadUInt64LittleEndian(datagram[MaskingIvSize..]);
        return start == BinaryPrimitives.ReadUInt64LittleEndian(ProtocolAndVersion) ? PacketError.None : PacketError.NotForUs;
    }

    /// <summary>Unmasks a packet's header in place, and checks it.</summary>
    /// <param name="mask">Of our own id.</param>
    /// <param name="datagram">The datagram; its first <see cref="PacketHeader.Size"/> bytes are plain afterwards.</param>
    /// <param name="header">What the header says.</param>
    public static PacketError TryUnmask(AesBlock mask, Span<byte> datagram, out PacketHeader header)
    {
        header = default;
        PacketError error = Check(mask, datagram);
        if (error != PacketError.None)
        {
            return error;
        }

        ReadOnlySpan<byte> iv = datagram[..MaskingIvSize];
        // The static header ends within the second block; the smallest packet has more than that.
        AesCtr.Process(mask, iv, 0, datagram[MaskingIvSize..(MaskingIvSize + (2 * AesBlock.BlockSize))]);
        var flag = (PacketFlag)datagram[FlagOffset];
        int authSize = BinaryPrimitives.ReadUInt16BigEndian(datagram[AuthSizeOffset..]);
        header = new PacketHeader(flag, new Nonce(datagram.Slice(NonceOffset, Nonce.Size)), authSize);
        if (header.Size > datagram.Length)
        {
            return PacketError.BadAuthData;
        }

        const int unmasked = MaskingIvSize + (2 * AesBlock.BlockSize);
        if (header.Size > unmasked)
        {
            AesCtr.Process(mask, iv, 2, datagram[unmasked..header.Size]);
        }

        return CheckLayout(header, datagram);
    }

    /// <summary>Writes the head of a message packet, up to the message, not masked yet.</summary>
    /// <returns>The head's size.</returns>
    public static int WriteMessageHead(Span<byte> packet, ReadOnlySpan<byte> iv, Nonce nonce, in NodeId source)
    {
        source.CopyTo(packet[PrefixSize..]);
        return WritePrefix(packet, iv, PacketFlag.Message, nonce, MessageAuthSize);
    }

    /// <summary>Writes a WHOAREYOU, not masked yet: this is its challenge data.</summary>
    /// <returns>Its size.</returns>
    public static int WriteWhoAreYou(Span<byte> packet, ReadOnlySpan<byte> iv, Nonce requestNonce, ReadOnlySpan<byte> idNonce, ulong sequence)
    {
        idNonce[..IdNonceSize].CopyTo(packet[PrefixSize..]);
        BinaryPrimitives.WriteUInt64BigEndian(packet[(PrefixSize + IdNonceSize)..], sequence);
        return WritePrefix(packet, iv, PacketFlag.WhoAreYou, requestNonce, WhoAreYouSize);
    }

    /// <summary>Writes the head of a handshake packet, up to the message, not masked yet.</summary>
    /// <returns>The head's size.</returns>
    public static int WriteHandshakeHead(
        Span<byte> packet,
        ReadOnlySpan<byte> iv,
        Nonce nonce,
        in NodeId source,
        ReadOnlySpan<byte> signature,
        ReadOnlySpan<byte> ephemeralKey,
        ReadOnlySpan<byte> record)
    {
        Span<byte> auth = packet[PrefixSize..];
        source.CopyTo(auth);
        auth[NodeId.Size] = Secp256k1.SignatureSize;
        auth[NodeId.Size + 1] = Secp256k1.CompressedKeySize;
        signature[..Secp256k1.SignatureSize].CopyTo(auth[HandshakeHeadSize..]);
        ephemeralKey[..Secp256k1.CompressedKeySize].CopyTo(auth[(HandshakeHeadSize + Secp256k1.SignatureSize)..]);
        record.CopyTo(auth[HandshakeSize..]);
        return WritePrefix(packet, iv, PacketFlag.Handshake, nonce, HandshakeSize + record.Length);
    }

    /// <summary>Masks a head that was written: the last step, after the message has been encrypted.</summary>
    /// <param name="mask">Of the destination's id.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="headSize">What the method that wrote the head returned.</param>
    public static void MaskHead(AesBlock mask, Span<byte> packet, int headSize) =>
        AesCtr.Process(mask, packet[..MaskingIvSize], 0, packet[MaskingIvSize..headSize]);

    private static int WritePrefix(Span<byte> packet, ReadOnlySpan<byte> iv, PacketFlag flag, Nonce nonce, int authSize)
    {
        iv[..MaskingIvSize].CopyTo(packet);
        ProtocolAndVersion.CopyTo(packet[MaskingIvSize..]);
        packet[FlagOffset] = (byte)flag;
        nonce.CopyTo(packet[NonceOffset..]);
        BinaryPrimitives.WriteUInt16BigEndian(packet[AuthSizeOffset..], (ushort)authSize);
        return PrefixSize + authSize;
    }

    private static PacketError CheckLayout(in PacketHeader header, ReadOnlySpan<byte> datagram)
    {
        int messageSize = datagram.Length - header.Size;
        switch (header.Flag)
        {
            case PacketFlag.Message:
                // Of any size: what cannot be a message asks for a challenge all the same.
                return header.AuthDataSize != MessageAuthSize ? PacketError.BadAuthData : PacketError.None;
            case PacketFlag.WhoAreYou:
                return header.AuthDataSize != WhoAreYouSize ? PacketError.BadAuthData
                    : messageSize != 0 ? PacketError.BadMessage
                    : PacketError.None;
            case PacketFlag.Handshake:
                // The sizes are those of the identity scheme "v4", the only one there is.
                bool isV4 = header.AuthDataSize is >= HandshakeSize and <= HandshakeSize + NodeRecord.MaxSize
                    && datagram[PrefixSize + NodeId.Size] == Secp256k1.SignatureSize
                    && datagram[PrefixSize + NodeId.Size + 1] == Secp256k1.CompressedKeySize;
                return !isV4 ? PacketError.BadAuthData : messageSize <= TagSize ? PacketError.BadMessage : PacketError.None;
            default:
                return PacketError.UnknownFlag;
        }
    }
}
