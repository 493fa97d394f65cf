using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>
/// The cryptography that a <see cref="Discv5"/> uses: identity, key agreement and encryption (discv5-theory.md, "Sessions"). All of
/// it is computation on arguments; methods are safe for concurrent use.
/// </summary>
/// <remarks>Two implementations: <see cref="V4IdentityCrypto"/>, and the simulator's, which computes nothing that takes long.</remarks>
internal abstract class SessionCrypto
{
    /// <summary>Both keys of a session, one behind the other: the initiator's, then the recipient's.</summary>
    public const int KeysSize = 2 * KeySize;

    public const int KeySize = 16;

    /// <summary>Our own id.</summary>
    public abstract NodeId Self { get; }

    /// <summary>Makes the initiator's part of a handshake: agrees on keys and proves who we are.</summary>
    /// <param name="remote">The recipient's public key.</param>
    /// <param name="challengeData">The recipient's WHOAREYOU, unmasked.</param>
    /// <param name="ephemeral">A private key for this handshake only.</param>
    /// <param name="ephemeralKey">Receives its public key, 33 bytes.</param>
    /// <param name="signature">Receives the id signature, 64 bytes.</param>
    /// <param name="keys">Receives <see cref="KeysSize"/> bytes.</param>
    /// <returns>False if no agreement is possible.</returns>
    public abstract bool TryInitiate(
        PublicKey remote, ReadOnlySpan<byte> challengeData, ReadOnlySpan<byte> ephemeral, Span<byte> ephemeralKey, Span<byte> signature, Span<byte> keys);

    /// <summary>Checks the initiator's proof, and agrees on keys.</summary>
    /// <param name="remote">The initiator's public key.</param>
    /// <param name="challengeData">Our WHOAREYOU, unmasked.</param>
    /// <param name="ephemeralKey">The initiator's ephemeral public key, anything of 33 bytes.</param>
    /// <param name="signature">The id signature, anything of 64 bytes.</param>
    /// <param name="keys">Receives <see cref="KeysSize"/> bytes.</param>
    /// <returns>False if the signature is not good or the key is none.</returns>
    public abstract bool TryAccept(
        PublicKey remote, ReadOnlySpan<byte> challengeData, ReadOnlySpan<byte> ephemeralKey, ReadOnlySpan<byte> signature, Span<byte> keys);

    /// <summary>Reads and verifies a node record; null if it is none.</summary>
    public abstract Node? ReadRecord(ReadOnlySpan<byte> record);

    /// <summary>Makes the cipher of one direction of a session.</summary>
    public abstract SessionCipher CreateCipher(ReadOnlySpan<byte> key);
}

/// <summary>One direction of a session. Not safe for concurrent use.</summary>
internal abstract class SessionCipher
{
    /// <summary>Encrypts a message and appends its tag.</summary>
    /// <param name="nonce">Never used before with this key.</param>
    /// <param name="plaintext">The message.</param>
    /// <param name="head">The packet up to the message, unmasked.</param>
    /// <param name="message">Has as many bytes as <paramref name="plaintext"/> and <see cref="PacketCodec.TagSize"/>.</param>
    public abstract void Encrypt(Nonce nonce, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> head, Span<byte> message);

    /// <summary>Decrypts a message, if it and the packet's head are as they were sent.</summary>
    /// <param name="nonce">The packet's nonce.</param>
    /// <param name="message">Any bytes, at least <see cref="PacketCodec.TagSize"/>.</param>
    /// <param name="head">The packet up to the message, unmasked.</param>
    /// <param name="plaintext">Has <see cref="PacketCodec.TagSize"/> bytes fewer than <paramref name="message"/>.</param>
    public abstract bool TryDecrypt(Nonce nonce, ReadOnlySpan<byte> message, ReadOnlySpan<byte> head, Span<byte> plaintext);
}
