using System.Buffers.Binary;
using System.Security.Cryptography;
using DevP2P.Crypto;
using DevP2P.Rlp;

namespace DevP2P.Rlpx;

/// <summary>What <see cref="Handshake.Read"/> found.</summary>
internal enum HandshakeStatus
{
    /// <summary>More bytes are needed.</summary>
    NeedMoreData,

    /// <summary>The other side's message was good; <see cref="Handshake.Secrets"/> is set.</summary>
    Done,

    /// <summary>The message was not good. Nothing is sent about it: every failure looks the same from outside.</summary>
    Failed,
}

/// <summary>
/// The encryption handshake of one connection, either role (rlpx.md, "Initial Handshake"; EIP-8). The recipient also accepts
/// the fixed-size messages from before EIP-8 and answers in kind. Sans-IO; not safe for concurrent use.
/// </summary>
internal sealed class Handshake
{
    /// <summary>The greatest handshake message that is read, size prefix included.</summary>
    public const int MaxMessageSize = 2048;

    private const int NonceSize = 32;
    private const int PlainAuthSize = Secp256k1.RecoverableSignatureSize + 32 + Secp256k1.PublicKeySize + NonceSize + 1;
    private const int PlainAckSize = Secp256k1.PublicKeySize + NonceSize + 1;
    private const int Version = 4;

    /// <summary>EIP-8: at least 100 bytes of padding tell a message from the older format; some peers read 307 bytes at once.</summary>
    private const int MinPadding = 100;

    private const int MaxPadding = 300;

    private readonly bool _isInitiator;
    private readonly PrivateKey _key;
    private readonly RandomSource _random;

    /// <summary>Our ephemeral private key, its public key and our nonce, one behind the other.</summary>
    private readonly byte[] _own = new byte[Secp256k1.PrivateKeySize + Secp256k1.PublicKeySize + NonceSize];
    private byte[] _sent = [];

    private Handshake(bool isInitiator, PrivateKey key, PublicKey? remote, RandomSource random)
    {
        _isInitiator = isInitiator;
        _key = key;
        _random = random;
        RemoteKey = remote;
    }

    /// <summary>The other node's static key: given for the initiator, learned by the recipient.</summary>
    public PublicKey? RemoteKey { get; private set; }

    /// <summary>What the frames are encrypted with, once done.</summary>
    public HandshakeSecrets? Secrets { get; private set; }

    /// <summary>What the recipient has to send once done.</summary>
    public ReadOnlyMemory<byte> Ack => _isInitiator ? default : _sent;

    private Span<byte> EphemeralKey => _own.AsSpan(0, Secp256k1.PrivateKeySize);

    private Span<byte> EphemeralPublicKey => _own.AsSpan(Secp256k1.PrivateKeySize, Secp256k1.PublicKeySize);

    private Span<byte> OwnNonce => _own.AsSpan(Secp256k1.PrivateKeySize + Secp256k1.PublicKeySize);

    /// <summary>Starts the dialing side's handshake.</summary>
    /// <param name="key">Our static key.</param>
    /// <param name="remote">The key that the other side must prove to have.</param>
    /// <param name="random">For the ephemeral key, nonce and padding.</param>
    /// <param name="auth">The message to send.</param>
    public static Handshake Initiate(PrivateKey key, PublicKey remote, RandomSource random, out ReadOnlyMemory<byte> auth)
    {
        var handshake = new Handshake(isInitiator: true, key, remote, random);
        handshake.GenerateOwn();
        handshake._sent = handshake.CreateAuth(remote);
        auth = handshake._sent;
        return handshake;
    }

    /// <summary>Starts the listening side's handshake, which waits for an auth message: until a good one is here, nothing is computed for it.</summary>
    public static Handshake Accept(PrivateKey key, RandomSource random) => new(isInitiator: false, key, remote: null, random);

    /// <summary>Reads the other side's message.</summary>
    /// <param name="received">All bytes received so far, from the first.</param>
    /// <param name="consumed">The message's length when done: what follows are frames.</param>
    public HandshakeStatus Read(ReadOnlySpan<byte> received, out int consumed)
    {
        consumed = 0;
        int plainSize = (_isInitiator ? PlainAckSize : PlainAuthSize) + Ecies.Overhead;
        if (received.Length < 2)
        {
            return HandshakeStatus.NeedMoreData;
        }

        // A message from before EIP-8 starts with the 0x04 of a public key. As an EIP-8 size that would be 1,024 to 1,279.
        Span<byte> plaintext = stackalloc byte[MaxMessageSize];
        int written;
        if (received[0] == 0x04)
        {
            if (received.Length < plainSize)
            {
                return HandshakeStatus.NeedMoreData;
            }

            ReadOnlySpan<byte> message = received[..plainSize];
            if (Ecies.TryDecrypt(_key, message, default, plaintext, out written))
            {
                consumed = plainSize;
                return Finish(plaintext[..written], message, isPlain: true);
            }
        }

        int size = 2 + BinaryPrimitives.ReadUInt16BigEndian(received);
        if (size > MaxMessageSize || size < 2 + Ecies.Overhead)
        {
            return HandshakeStatus.Failed;
        }

        if (received.Length < size)
        {
            return HandshakeStatus.NeedMoreData;
        }

        received = received[..size];
        if (!Ecies.TryDecrypt(_key, received[2..], received[..2], plaintext, out written))
        {
            return HandshakeStatus.Failed;
        }

        consumed = size;
        return Finish(plaintext[..written], received, isPlain: false);
    }

    private HandshakeStatus Finish(ReadOnlySpan<byte> body, ReadOnlySpan<byte> message, bool isPlain)
    {
        bool done = _isInitiator ? HandleAck(body, message, isPlain) : HandleAuth(body, message, isPlain);
        return done ? HandshakeStatus.Done : HandshakeStatus.Failed;
    }

    private void GenerateOwn()
    {
        PrivateKey.GenerateBytes(_random, EphemeralKey);
        Secp256k1.Instance.CreatePublicKey(EphemeralKey, EphemeralPublicKey);
        _random.Fill(OwnNonce);
    }

    private byte[] CreateAuth(PublicKey remote)
    {
        Span<byte> signed = stackalloc byte[32];
        if (!TryGetSignedHash(remote, OwnNonce, signed))
        {
            throw new CryptographicException("key agreement failed");
        }

        Span<byte> signature = stackalloc byte[Secp256k1.RecoverableSignatureSize];
        Secp256k1.Instance.SignRecoverable(signed, EphemeralKey, signature);

        using var body = new RlpWriter(256);
        var list = body.StartList();
        body.Write(signature);
        body.Write(_key.PublicKey.Bytes);
        body.Write(OwnNonce);
        body.Write(Version);
        body.EndList(list);
        return Seal(remote, body.Written);
    }

    private bool HandleAuth(ReadOnlySpan<byte> body, ReadOnlySpan<byte> auth, bool isPlain)
    {
        ReadOnlySpan<byte> signature, publicKey, nonce, ephemeralHash = default;
        if (isPlain)
        {
            signature = body[..65];
            ephemeralHash = body[65..97];
            publicKey = body[97..161];
            nonce = body[161..193];
        }
        else
        {
            // Further elements, and whatever follows the list, are ignored (EIP-8); so is the version's value.
            var reader = new RlpReader(body);
            if (!reader.TryReadList(out RlpReader list)
                || !list.TryReadBytes(out signature) || signature.Length != Secp256k1.RecoverableSignatureSize
                || !list.TryReadBytes(out publicKey) || publicKey.Length != Secp256k1.PublicKeySize
                || !list.TryReadBytes(out nonce) || nonce.Length != NonceSize
                || !list.TryReadUInt64(out _))
            {
                return false;
            }
        }

        Span<byte> signed = stackalloc byte[32];
        Span<byte> remoteEphemeral = stackalloc byte[Secp256k1.PublicKeySize];
        if (!PublicKey.TryParse(publicKey, out PublicKey? remote)
            || !TryGetSignedHash(remote, nonce, signed)
            || !Secp256k1.Instance.TryRecover(signed, signature, remoteEphemeral))
        {
            return false;
        }

        if (isPlain)
        {
            Span<byte> hash = stackalloc byte[32];
            Keccak256.Hash(remoteEphemeral, hash);
            if (!hash.SequenceEqual(ephemeralHash))
            {
                return false;
            }
        }

        RemoteKey = remote;
        GenerateOwn();
        _sent = CreateAck(remote, isPlain);
        return TryDeriveSecrets(remoteEphemeral, nonce, auth, _sent);
    }

    private byte[] CreateAck(PublicKey remote, bool isPlain)
    {
        if (isPlain)
        {
            Span<byte> plain = stackalloc byte[PlainAckSize];
            EphemeralPublicKey.CopyTo(plain);
            OwnNonce.CopyTo(plain[Secp256k1.PublicKeySize..]);
            plain[^1] = 0; // "token was not found": session tokens were never used
            byte[] packet = new byte[PlainAckSize + Ecies.Overhead];
            Ecies.Encrypt(remote, plain, default, _random, packet);
            return packet;
        }

        using var body = new RlpWriter(128);
        var list = body.StartList();
        body.Write(EphemeralPublicKey);
        body.Write(OwnNonce);
        body.Write(Version);
        body.EndList(list);
        return Seal(remote, body.Written);
    }

    private bool HandleAck(ReadOnlySpan<byte> body, ReadOnlySpan<byte> ack, bool isPlain)
    {
        ReadOnlySpan<byte> publicKey, nonce;
        if (isPlain)
        {
            publicKey = body[..64];
            nonce = body[64..96];
        }
        else
        {
            var reader = new RlpReader(body);
            if (!reader.TryReadList(out RlpReader list)
                || !list.TryReadBytes(out publicKey) || publicKey.Length != Secp256k1.PublicKeySize
                || !list.TryReadBytes(out nonce) || nonce.Length != NonceSize
                || !list.TryReadUInt64(out _))
            {
                return false;
            }
        }

        Span<byte> remoteEphemeral = stackalloc byte[Secp256k1.PublicKeySize];
        return Secp256k1.Instance.TryParsePublicKey(publicKey, remoteEphemeral)
            && TryDeriveSecrets(remoteEphemeral, nonce, _sent, ack);
    }

    /// <summary>What the initiator's ephemeral key signs: static-shared-secret ^ initiator-nonce.</summary>
    private bool TryGetSignedHash(PublicKey remote, ReadOnlySpan<byte> initiatorNonce, Span<byte> hash)
    {
        if (!Secp256k1.Instance.TryEcdh(_key.Bytes, remote.Bytes, hash))
        {
            return false;
        }

        Xor(hash, initiatorNonce);
        return true;
    }

    /// <summary>auth or ack as EIP-8 has them: size || ecies(body || padding), the size being authenticated as well.</summary>
    private byte[] Seal(PublicKey remote, ReadOnlySpan<byte> body)
    {
        int padding = MinPadding + _random.Next(MaxPadding - MinPadding);
        Span<byte> plaintext = stackalloc byte[MaxMessageSize];
        plaintext = plaintext[..(body.Length + padding)];
        body.CopyTo(plaintext);
        _random.Fill(plaintext[body.Length..]);

        byte[] packet = new byte[2 + plaintext.Length + Ecies.Overhead];
        BinaryPrimitives.WriteUInt16BigEndian(packet, (ushort)(packet.Length - 2));
        Ecies.Encrypt(remote, plaintext, packet.AsSpan(0, 2), _random, packet.AsSpan(2));
        return packet;
    }

    private bool TryDeriveSecrets(
        ReadOnlySpan<byte> remoteEphemeral, ReadOnlySpan<byte> remoteNonce, ReadOnlySpan<byte> auth, ReadOnlySpan<byte> ack)
    {
        Span<byte> ephemeralKey = stackalloc byte[32];
        if (!Secp256k1.Instance.TryEcdh(EphemeralKey, remoteEphemeral, ephemeralKey))
        {
            return false;
        }

        ReadOnlySpan<byte> initiatorNonce = _isInitiator ? OwnNonce : remoteNonce;
        ReadOnlySpan<byte> recipientNonce = _isInitiator ? remoteNonce : OwnNonce;
        Span<byte> secret = stackalloc byte[32];
        Keccak256.Hash(recipientNonce, initiatorNonce, secret);
        Keccak256.Hash(ephemeralKey, secret, secret); // shared-secret
        byte[] aesSecret = new byte[32];
        Keccak256.Hash(ephemeralKey, secret, aesSecret);
        byte[] macSecret = new byte[32];
        Keccak256.Hash(ephemeralKey, aesSecret, macSecret);

        Keccak256 initiatorMac = SeedMac(macSecret, recipientNonce, auth);
        Keccak256 recipientMac = SeedMac(macSecret, initiatorNonce, ack);
        Secrets = _isInitiator
            ? new HandshakeSecrets(aesSecret, macSecret, initiatorMac, recipientMac)
            : new HandshakeSecrets(aesSecret, macSecret, recipientMac, initiatorMac);
        return true;
    }

    private static Keccak256 SeedMac(ReadOnlySpan<byte> macSecret, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> message)
    {
        Span<byte> seed = stackalloc byte[32];
        macSecret.CopyTo(seed);
        Xor(seed, nonce);
        var state = default(Keccak256);
        state.Append(seed);
        state.Append(message);
        return state;
    }

    private static void Xor(Span<byte> target, ReadOnlySpan<byte> other)
    {
        for (int i = 0; i < target.Length; i++)
        {
            target[i] ^= other[i];
        }
    }
}

/// <summary>What the handshake yields: keys and the seeded MAC states (rlpx.md, "MAC").</summary>
internal sealed class HandshakeSecrets(byte[] aesSecret, byte[] macSecret, Keccak256 egressMac, Keccak256 ingressMac)
{
    public byte[] AesSecret => aesSecret;

    public byte[] MacSecret => macSecret;

    /// <summary>Both directions use the same key and start at counter 0: the protocol's known weakness (T16), fixed on the wire.</summary>
    public FrameEncoder CreateEncoder() => new(new AesCtr(aesSecret, new byte[16]), CreateEgressMac());

    public FrameDecoder CreateDecoder() => new(new AesCtr(aesSecret, new byte[16]), new FrameMac(macSecret, ingressMac));

    public FrameMac CreateEgressMac() => new(macSecret, egressMac);

    /// <summary>The ingress MAC's digest, for the official vectors.</summary>
    public byte[] GetIngressDigest(ReadOnlySpan<byte> appended)
    {
        Keccak256 state = ingressMac;
        state.Append(appended);
        byte[] digest = new byte[Keccak256.DigestSize];
        state.GetDigest(digest);
        return digest;
    }
}
