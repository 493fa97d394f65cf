using System.Buffers.Binary;
using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>
/// What stands for the cryptography of discovery v5.1 in networks that are too large for the real one: packets have the same sizes,
/// handshakes the same steps, and a message of another session is not understood, but nothing is secret and nothing is proved.
/// Signatures of records are not checked.
/// </summary>
/// <param name="self">Our own id.</param>
internal sealed class SimulatedCrypto(NodeId self) : SessionCrypto
{
    public override NodeId Self => self;

    public override bool TryInitiate(
        PublicKey remote, ReadOnlySpan<byte> challengeData, ReadOnlySpan<byte> ephemeral, Span<byte> ephemeralKey, Span<byte> signature, Span<byte> keys)
    {
        ephemeralKey[0] = 2;
        ephemeral[..32].CopyTo(ephemeralKey[1..]);
        signature[..Secp256k1.SignatureSize].Clear();
        DeriveKeys(challengeData, ephemeralKey, keys);
        return true;
    }

    public override bool TryAccept(
        PublicKey remote, ReadOnlySpan<byte> challengeData, ReadOnlySpan<byte> ephemeralKey, ReadOnlySpan<byte> signature, Span<byte> keys)
    {
        DeriveKeys(challengeData, ephemeralKey, keys);
        return true;
    }

    public override Node? ReadRecord(ReadOnlySpan<byte> record) =>
        NodeRecord.TryDecode(record, verifySignature: false, out NodeRecord? result, out _) ? Node.FromRecord(result) : null;

    public override SessionCipher CreateCipher(ReadOnlySpan<byte> key) => new Cipher(BinaryPrimitives.ReadUInt64LittleEndian(key));

    /// <summary>Both sides get the same keys, and every handshake gets others: the challenge's id nonce and the ephemeral key are random.</summary>
    private static void DeriveKeys(ReadOnlySpan<byte> challengeData, ReadOnlySpan<byte> ephemeralKey, Span<byte> keys)
    {
        ulong seed = SimulationRandom.Mix(
            BinaryPrimitives.ReadUInt64LittleEndian(challengeData[PacketCodec.PrefixSize..]) ^ BinaryPrimitives.ReadUInt64LittleEndian(ephemeralKey[1..]));
        for (int i = 0; i < KeysSize; i += sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(keys[i..], SimulationRandom.Mix(seed + (ulong)i));
        }
    }

    private sealed class Cipher(ulong key) : SessionCipher
    {
        public override void Encrypt(Nonce nonce, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> head, Span<byte> message)
        {
            plaintext.CopyTo(message);
            Span<byte> tag = message[plaintext.Length..];
            tag.Clear();
            BinaryPrimitives.WriteUInt64LittleEndian(tag, key);
        }

        public override bool TryDecrypt(Nonce nonce, ReadOnlySpan<byte> message, ReadOnlySpan<byte> head, Span<byte> plaintext)
        {
            message[..^PacketCodec.TagSize].CopyTo(plaintext);
            return BinaryPrimitives.ReadUInt64LittleEndian(message[^PacketCodec.TagSize..]) == key;
        }
    }
}
