using System.Buffers.Binary;
using static Discv5Spec.SpecException;

namespace Discv5Spec;

/// <summary>
/// Decodes Node Discovery v5.1 packets by the words of the specification (discv5-wire.md, discv5-theory.md, enr.md) and of nothing
/// else: it names no type of the library, whose codec is compared with it. Written for plainness, not for speed.
/// </summary>
internal static class SpecDecoder
{
    private const int MinPacketSize = 63;
    private const int MaxPacketSize = 1280;
    private const int IvSize = 16;
    private const int StaticHeaderSize = 23;
    private const int NodeIdSize = 32;
    private const int WhoareyouAuthDataSize = 24;
    private const int AuthDataHeadSize = 34;
    private const int SignatureSize = 64;
    private const int EphemeralKeySize = 33;

    /// <summary>Unmasks and takes apart a datagram that was sent to the node of the given ID.</summary>
    public static SpecResult<SpecPacket> DecodePacket(byte[] datagram, byte[] localId) =>
        SpecResult<SpecPacket>.Of(() => ReadPacket(datagram, localId));

    /// <summary>Decrypts a packet's message with the key of the side that sent it, and decodes it.</summary>
    public static SpecResult<SpecMessage> DecryptMessage(SpecMessagePacket packet, byte[] key) =>
        SpecResult<SpecMessage>.Of(() => ReadEncrypted(packet, key));

    /// <summary>Decodes a message: its type and its list.</summary>
    public static SpecResult<SpecMessage> DecodeMessage(byte[] plaintext) => SpecResult<SpecMessage>.Of(() => SpecMessages.Read(plaintext));

    /// <summary>Step 4 of the handshake, as node B.</summary>
    /// <param name="packet">The handshake packet.</param>
    /// <param name="challengeData">Of the WHOAREYOU packet that B had sent.</param>
    /// <param name="localId">B's node ID.</param>
    /// <param name="localKey">B's private key.</param>
    /// <param name="knownKey">A's public key (33 bytes) if B has A's record.</param>
    public static SpecResult<SpecSession> AcceptHandshake(
        SpecHandshakePacket packet, byte[] challengeData, byte[] localId, byte[] localKey, byte[]? knownKey = null) =>
        SpecResult<SpecSession>.Of(() => ReadHandshake(packet, challengeData, localId, localKey, knownKey));

    /// <summary>Whether A signed the challenge for B and this ephemeral key.</summary>
    public static bool VerifyIdSignature(byte[] signature, byte[] challengeData, byte[] ephemeralKey, byte[] nodeIdB, byte[] publicKeyA)
    {
        byte[] input = [.. "discovery v5 identity proof"u8, .. challengeData, .. ephemeralKey, .. nodeIdB];
        return SpecCrypto.DecodePoint(publicKeyA) is { } point
            && SpecCrypto.Verify(point, System.Security.Cryptography.SHA256.HashData(input), signature);
    }

    /// <summary>The keys of a session between A, the initiator, and B; null if the public key is none.</summary>
    public static SpecKeys? DeriveKeys(byte[] publicKey, byte[] privateKey, byte[] challengeData, byte[] nodeIdA, byte[] nodeIdB)
    {
        if (SpecCrypto.DecodePoint(publicKey) is not { } point)
        {
            return null;
        }

        var hash = System.Security.Cryptography.HashAlgorithmName.SHA256;
        byte[] secret = SpecCrypto.Ecdh(point, privateKey);
        byte[] pseudoRandomKey = System.Security.Cryptography.HKDF.Extract(hash, secret, challengeData);
        byte[] info = [.. "discovery v5 key agreement"u8, .. nodeIdA, .. nodeIdB];
        byte[] keys = System.Security.Cryptography.HKDF.Expand(hash, pseudoRandomKey, 32, info);
        return new SpecKeys(keys[..16], keys[16..]);
    }

    private static SpecPacket ReadPacket(byte[] datagram, byte[] localId)
    {
        Require(datagram.Length >= MinPacketSize, SpecError.PacketTooShort);
        Require(datagram.Length <= MaxPacketSize, SpecError.PacketTooLong);
        byte[] iv = datagram[..IvSize];
        // The mask is a stream: what follows the header is not masked, and is not used.
        byte[] unmasked = SpecCrypto.AesCtr(localId[..16], iv, datagram[IvSize..]);
        Require(unmasked.AsSpan(0, 6).SequenceEqual("discv5"u8), SpecError.ProtocolId);
        Require(unmasked[6] == 0 && unmasked[7] == 1, SpecError.Version);
        byte flag = unmasked[8];
        byte[] nonce = unmasked[9..21];
        int authDataSize = BinaryPrimitives.ReadUInt16BigEndian(unmasked.AsSpan(21));
        int headerSize = StaticHeaderSize + authDataSize;
        Require(headerSize <= unmasked.Length, SpecError.AuthDataBeyondEnd);
        byte[] header = unmasked[..headerSize];
        byte[] authData = header[StaticHeaderSize..];
        byte[] message = datagram[(IvSize + headerSize)..];
        return flag switch
        {
            0 => ReadOrdinary(iv, header, nonce, authData, message),
            1 => ReadWhoareyou(iv, header, nonce, authData, message),
            2 => ReadHandshake(iv, header, nonce, authData, message),
            _ => throw new SpecException(SpecError.Flag),
        };
    }

    private static SpecOrdinaryPacket ReadOrdinary(byte[] iv, byte[] header, byte[] nonce, byte[] authData, byte[] message)
    {
        Require(authData.Length == NodeIdSize, SpecError.AuthDataSize);
        return new SpecOrdinaryPacket(iv, header, nonce, authData, message);
    }

    private static SpecWhoareyouPacket ReadWhoareyou(byte[] iv, byte[] header, byte[] nonce, byte[] authData, byte[] message)
    {
        Require(authData.Length == WhoareyouAuthDataSize, SpecError.AuthDataSize);
        Require(message.Length == 0, SpecError.MessageInWhoareyou);
        return new SpecWhoareyouPacket(iv, header, nonce, authData[..16], BinaryPrimitives.ReadUInt64BigEndian(authData.AsSpan(16)));
    }

    private static SpecHandshakePacket ReadHandshake(byte[] iv, byte[] header, byte[] nonce, byte[] authData, byte[] message)
    {
        Require(authData.Length >= AuthDataHeadSize, SpecError.AuthDataSize);
        Require(authData[NodeIdSize] == SignatureSize, SpecError.SignatureSize);
        Require(authData[NodeIdSize + 1] == EphemeralKeySize, SpecError.EphemeralKeySize);
        const int KeyStart = AuthDataHeadSize + SignatureSize;
        const int RecordStart = KeyStart + EphemeralKeySize;
        Require(authData.Length >= RecordStart, SpecError.AuthDataSize);
        byte[]? record = authData.Length > RecordStart ? authData[RecordStart..] : null;
        return new SpecHandshakePacket(
            iv, header, nonce, authData[..NodeIdSize], authData[AuthDataHeadSize..KeyStart], authData[KeyStart..RecordStart], record, message);
    }

    private static SpecMessage ReadEncrypted(SpecMessagePacket packet, byte[] key)
    {
        byte[] plaintext = SpecCrypto.AesGcmDecrypt(key, packet.Nonce, packet.Message, packet.AuthenticatedData)
            ?? throw new SpecException(SpecError.Decryption);
        return SpecMessages.Read(plaintext);
    }

    private static SpecSession ReadHandshake(
        SpecHandshakePacket packet, byte[] challengeData, byte[] localId, byte[] localKey, byte[]? knownKey)
    {
        Require(challengeData.Length == IvSize + StaticHeaderSize + WhoareyouAuthDataSize, SpecError.ChallengeData);
        SpecRecord? record = packet.Record is null ? null : SpecRecord.Read(packet.Record);
        Require(record is null || record.NodeId.SequenceEqual(packet.SourceId), SpecError.RecordOfAnotherNode);
        byte[] publicKey = record?.PublicKey ?? knownKey ?? throw new SpecException(SpecError.RecordMissing);
        Require(
            VerifyIdSignature(packet.IdSignature, challengeData, packet.EphemeralKey, localId, publicKey), SpecError.IdSignature);
        SpecKeys keys = DeriveKeys(packet.EphemeralKey, localKey, challengeData, packet.SourceId, localId)
            ?? throw new SpecException(SpecError.EphemeralKey);
        return new SpecSession(record, keys, ReadEncrypted(packet, keys.Initiator));
    }
}
