namespace DevP2P.Discovery.V5;

/// <summary>The keys of one handshake, and how many messages were encrypted with them.</summary>
internal sealed class Session
{
    private readonly SessionCipher _read;
    private readonly SessionCipher _write;
    private uint _sent;

    /// <param name="crypto">Makes the ciphers.</param>
    /// <param name="keys">The initiator's key, then the recipient's.</param>
    /// <param name="isInitiator">Which of the two we are.</param>
    /// <param name="now">Monotonic time.</param>
    public Session(SessionCrypto crypto, ReadOnlySpan<byte> keys, bool isInitiator, TimeSpan now)
    {
        MadeAt = now;
        SessionCipher initiator = crypto.CreateCipher(keys[..SessionCrypto.KeySize]);
        SessionCipher recipient = crypto.CreateCipher(keys[SessionCrypto.KeySize..SessionCrypto.KeysSize]);
        (_read, _write) = isInitiator ? (recipient, initiator) : (initiator, recipient);
    }

    /// <summary>When the handshake was made.</summary>
    public TimeSpan MadeAt { get; }

    /// <summary>Whether the counter has run through: a nonce must not come twice. A new handshake is needed.</summary>
    public bool IsUsedUp => _sent == uint.MaxValue;

    /// <summary>A nonce that was not used with the write key: count || random (discv5-theory.md, "Session Cache").</summary>
    /// <exception cref="InvalidOperationException">There is none any more.</exception>
    public Nonce NextNonce(ulong random) =>
        IsUsedUp ? throw new InvalidOperationException("the session is used up") : new Nonce(_sent++, random);

    public void Encrypt(Nonce nonce, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> head, Span<byte> message) =>
        _write.Encrypt(nonce, plaintext, head, message);

    /// <summary>Decrypts what the other side has encrypted in this session.</summary>
    /// <returns>The message; empty if it is of no or another session: a message is never empty.</returns>
    public ReadOnlySpan<byte> Decrypt(Nonce nonce, ReadOnlySpan<byte> message, ReadOnlySpan<byte> head, Span<byte> buffer)
    {
        if (message.Length <= PacketCodec.TagSize)
        {
            return default;
        }

        Span<byte> plaintext = buffer[..(message.Length - PacketCodec.TagSize)];
        return _read.TryDecrypt(nonce, message, head, plaintext) ? plaintext : default;
    }
}
