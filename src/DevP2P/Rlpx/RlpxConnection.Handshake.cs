using DevP2P.Crypto;

namespace DevP2P.Rlpx;

/// <summary>The two handshakes: keys first (rlpx.md, "Initial Handshake"), then the Hello messages.</summary>
internal sealed partial class RlpxConnection
{
    /// <summary>Both handshakes together, in both directions.</summary>
    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Runs the encryption handshake.</summary>
    /// <param name="key">Our static key.</param>
    /// <param name="remote">The key that the node we dialed must have; null for the recipient.</param>
    /// <param name="random">For keys, nonces and padding.</param>
    /// <param name="cancellationToken">Ends it; the caller bounds the time.</param>
    /// <returns>The other node's static key.</returns>
    /// <exception cref="HandshakeException">The handshake failed; the other side is not told why.</exception>
    public async Task<PublicKey> HandshakeAsync(
        PrivateKey key, PublicKey? remote, RandomSource random, CancellationToken cancellationToken)
    {
        Handshake handshake;
        if (remote is null)
        {
            handshake = Handshake.Accept(key, random);
        }
        else
        {
            handshake = Handshake.Initiate(key, remote, random, out ReadOnlyMemory<byte> auth);
            await _stream.WriteAsync(auth, cancellationToken).ConfigureAwait(false);
        }

        HandshakeStatus status = HandshakeStatus.NeedMoreData;
        while (status == HandshakeStatus.NeedMoreData)
        {
            // A handshake message has at most 2 KiB; room for the first frames behind it does no harm.
            await ReceiveAsync(2 * Handshake.MaxMessageSize, cancellationToken).ConfigureAwait(false);
            status = handshake.Read(_received!.Span[.._end], out _start);
        }

        if (status == HandshakeStatus.Failed)
        {
            throw new HandshakeException("the encryption handshake failed: the message does not decrypt to us or is malformed");
        }

        HandshakeSecrets secrets = handshake.Secrets!;
        if (!handshake.Ack.IsEmpty)
        {
            await _stream.WriteAsync(handshake.Ack, cancellationToken).ConfigureAwait(false);
        }

        _decoder = secrets.CreateDecoder();
        _encoder = secrets.CreateEncoder();
        return handshake.RemoteKey!;
    }

    /// <summary>Compresses from the next message on, in both directions (EIP-706).</summary>
    public void EnableSnappy()
    {
        _useSnappy = true;
        _encoder!.UseSnappy = true;
    }

    /// <summary>Both sides send a Hello, or a Disconnect instead (rlpx.md, "p2p" Capability); then compression starts.</summary>
    /// <param name="own">The encoded Hello to send.</param>
    /// <param name="remoteKey">The key that the encryption handshake has shown.</param>
    /// <param name="cancellationToken">Ends a wait for memory.</param>
    /// <exception cref="PeerDisconnectedException">Either side refused; the reason is in it.</exception>
    /// <exception cref="ProtocolViolationException">The first message is neither.</exception>
    public async Task<Hello> ExchangeHelloAsync(ReadOnlyMemory<byte> own, PublicKey remoteKey, CancellationToken cancellationToken)
    {
        await WriteAsync(BaseProtocol.HelloCode, own, cancellationToken).ConfigureAwait(false);
        Message message = await ReadAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (message.Code == BaseProtocol.DisconnectCode)
            {
                throw new PeerDisconnectedException(BaseProtocol.DecodeDisconnect(message.Payload.Span), isRemote: true);
            }

            if (message.Code != BaseProtocol.HelloCode)
            {
                throw new ProtocolViolationException($"expected a Hello, got message {message.Code}");
            }

            if (!Hello.TryRead(message.Payload.Span, remoteKey, out Hello? hello, out DisconnectReason failure))
            {
                throw new PeerDisconnectedException(failure);
            }

            // The other side expects compression from here on, also of the reason why it is refused.
            if (hello!.Version >= Hello.SnappyVersion)
            {
                EnableSnappy();
            }

            if (!hello.Key.Equals(remoteKey))
            {
                throw new PeerDisconnectedException(DisconnectReason.UnexpectedIdentity);
            }

            return hello;
        }
        finally
        {
            message.Discard();
        }
    }

    /// <summary>For tests: one message that is not compressed.</summary>
    public async ValueTask WriteUncompressedAsync(ulong code, ReadOnlyMemory<byte> payload)
    {
        await _gate.EnterAsync().ConfigureAwait(false);
        _encoder!.UseSnappy = false;
        Append(code, payload.Span);
        _encoder.UseSnappy = _useSnappy;
        EndWrite();
    }
}
