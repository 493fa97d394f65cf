using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static DevP2P.Crypto.Secp256k1Library;

namespace DevP2P.Crypto;

/// <summary>secp256k1 through libsecp256k1. Nothing is allocated per call.</summary>
/// <remarks>
/// The context is written only while this object is made (creation, callbacks, randomisation). Everything afterwards
/// takes it as <c>const</c>, which the library's header declares safe for concurrent use.
/// </remarks>
internal sealed unsafe class NativeSecp256k1 : Secp256k1
{
    // SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY: needed before 0.2, accepted without effect since.
    private const uint ContextFlags = 0x301;
    private const uint Uncompressed = 2;

    private const int NativeKeySize = 64;
    private const int NativeSignatureSize = 64;
    private const int NativeRecoverableSize = 65;
    private const int EncodedSize = 1 + PublicKeySize;

    private readonly nint _context;

    private NativeSecp256k1(string library)
    {
        Name = $"libsecp256k1 ({library})";
        _context = ContextCreate(ContextFlags);
        SetIllegalCallback(_context, &IgnoreIllegalUse, null);

        // Blinds the computations with secrets against side channels.
        Span<byte> seed = stackalloc byte[32];
        RandomSource.System.Fill(seed);
        if (ContextRandomize(_context, seed) != 1)
        {
            throw new InvalidOperationException("libsecp256k1 could not randomise its context");
        }
    }

    public override string Name { get; }

    /// <summary>Null where the library, or a module that is needed, is missing.</summary>
    public static NativeSecp256k1? TryCreate() => TryLoad(out string? library) ? new NativeSecp256k1(library) : null;

    public override bool IsValidPrivateKey(ReadOnlySpan<byte> privateKey) =>
        privateKey.Length == PrivateKeySize && SecretKeyVerify(_context, privateKey) == 1;

    public override void CreatePublicKey(ReadOnlySpan<byte> privateKey, Span<byte> publicKey)
    {
        Span<byte> key = stackalloc byte[NativeKeySize];
        if (privateKey.Length != PrivateKeySize || PublicKeyCreate(_context, key, privateKey) != 1)
        {
            throw NotAPrivateKey();
        }

        Serialize(key, publicKey);
    }

    public override bool TryParsePublicKey(ReadOnlySpan<byte> encoded, Span<byte> publicKey)
    {
        Span<byte> key = stackalloc byte[NativeKeySize];
        if (!TryParse(encoded, key))
        {
            return false;
        }

        Serialize(key, publicKey);
        return true;
    }

    public override bool TryEcdh(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> sharedX) =>
        TryEcdh(privateKey, publicKey, sharedX[..32], &CopyX);

    public override bool TryEcdhPoint(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> sharedPoint) =>
        TryEcdh(privateKey, publicKey, sharedPoint[..CompressedKeySize], &CopyPoint);

    public override void SignRecoverable(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> privateKey, Span<byte> signature)
    {
        if (hash.Length != HashSize)
        {
            throw NotAHash();
        }

        // No nonce function given: the library's default, RFC 6979.
        Span<byte> native = stackalloc byte[NativeRecoverableSize];
        if (privateKey.Length != PrivateKeySize || Secp256k1Library.SignRecoverable(_context, native, hash, privateKey, null, null) != 1)
        {
            throw NotAPrivateKey();
        }

        signature = signature[..RecoverableSignatureSize];
        _ = SerializeRecoverable(_context, signature, out int recoveryId, native);
        signature[64] = (byte)recoveryId;
    }

    public override bool TryRecover(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, Span<byte> publicKey)
    {
        Span<byte> native = stackalloc byte[NativeRecoverableSize];
        Span<byte> key = stackalloc byte[NativeKeySize];
        if (hash.Length != HashSize
            || signature.Length != RecoverableSignatureSize
            || signature[64] > 3
            || ParseRecoverable(_context, native, signature, signature[64]) != 1
            || Recover(_context, key, native, hash) != 1)
        {
            return false;
        }

        Serialize(key, publicKey);
        return true;
    }

    public override bool Verify(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> publicKey)
    {
        Span<byte> native = stackalloc byte[NativeSignatureSize];
        Span<byte> key = stackalloc byte[NativeKeySize];
        return hash.Length == HashSize
            && signature.Length == SignatureSize
            && publicKey.Length == PublicKeySize
            && TryParse(publicKey, key)
            && ParseSignature(_context, native, signature) == 1
            && Secp256k1Library.Verify(_context, native, hash, key) == 1;
    }

    private bool TryEcdh(
        ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> shared,
        delegate* unmanaged[Cdecl]<byte*, byte*, byte*, void*, int> copy)
    {
        Span<byte> key = stackalloc byte[NativeKeySize];
        return publicKey.Length == PublicKeySize
            && TryParse(publicKey, key)
            && privateKey.Length == PrivateKeySize
            && Ecdh(_context, shared, key, privateKey, copy, null) == 1;
    }

    /// <summary>Parses and checks. The forms are named here, because the library also takes the hybrid ones (0x06, 0x07).</summary>
    private bool TryParse(ReadOnlySpan<byte> encoded, Span<byte> key)
    {
        switch (encoded.Length)
        {
            case 33 when encoded[0] is 2 or 3:
            case EncodedSize when encoded[0] == 4:
                return PublicKeyParse(_context, key, encoded, (nuint)encoded.Length) == 1;
            case PublicKeySize:
                Span<byte> prefixed = stackalloc byte[EncodedSize];
                prefixed[0] = 4;
                encoded.CopyTo(prefixed[1..]);
                return PublicKeyParse(_context, key, prefixed, EncodedSize) == 1;
            default:
                return false;
        }
    }

    private void Serialize(ReadOnlySpan<byte> key, Span<byte> publicKey)
    {
        Span<byte> encoded = stackalloc byte[EncodedSize];
        nuint length = EncodedSize;
        _ = PublicKeySerialize(_context, encoded, ref length, key, Uncompressed);
        encoded[1..].CopyTo(publicKey);
    }

    /// <summary>In place of the library's SHA-256: RLPx wants the bare X (rlpx.md, "ECIES Encryption").</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CopyX(byte* output, byte* x32, byte* y32, void* data)
    {
        new ReadOnlySpan<byte>(x32, 32).CopyTo(new Span<byte>(output, 32));
        return 1;
    }

    /// <summary>Discovery v5 wants the compressed point (discv5-theory.md, "Identity-Specific Cryptography in the Handshake").</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CopyPoint(byte* output, byte* x32, byte* y32, void* data)
    {
        output[0] = (byte)(2 | (y32[31] & 1));
        new ReadOnlySpan<byte>(x32, 32).CopyTo(new Span<byte>(output + 1, 32));
        return 1;
    }

    /// <summary>In place of the library's default, which ends the process. The call then returns 0, a failure like any other.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void IgnoreIllegalUse(byte* message, void* data)
    {
    }
}
