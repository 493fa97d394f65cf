using System.Security.Cryptography;
using Org.BouncyCastle.Asn1.X9;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using BigInteger = Org.BouncyCastle.Math.BigInteger;
using ECPoint = Org.BouncyCastle.Math.EC.ECPoint;

namespace Discv5Spec;

/// <summary>The primitives that the specification names, from the base class library and BouncyCastle.</summary>
internal static class SpecCrypto
{
    public const int TagSize = 16;

    private static readonly X9ECParameters Curve = CustomNamedCurves.GetByName("secp256k1");
    private static readonly ECDomainParameters Domain = new(Curve);

    public static byte[] Keccak256(byte[] data)
    {
        var digest = new KeccakDigest(256);
        digest.BlockUpdate(data, 0, data.Length);
        byte[] hash = new byte[32];
        digest.DoFinal(hash, 0);
        return hash;
    }

    /// <summary>Encryption and decryption are the same.</summary>
    public static byte[] AesCtr(byte[] key, byte[] iv, byte[] data)
    {
        var cipher = new BufferedBlockCipher(new SicBlockCipher(new AesEngine()));
        cipher.Init(true, new ParametersWithIV(new KeyParameter(key), iv));
        return cipher.DoFinal(data);
    }

    /// <summary>Null if the message is not authentic.</summary>
    public static byte[]? AesGcmDecrypt(byte[] key, byte[] nonce, byte[] message, byte[] additionalData)
    {
        if (message.Length < TagSize)
        {
            return null;
        }

        using var gcm = new AesGcm(key, TagSize);
        byte[] plaintext = new byte[message.Length - TagSize];
        try
        {
            gcm.Decrypt(nonce, message.AsSpan(0, plaintext.Length), message.AsSpan(plaintext.Length), plaintext, additionalData);
            return plaintext;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    /// <summary>The point that 33 bytes encode; null if they encode none.</summary>
    public static ECPoint? DecodePoint(byte[] compressed)
    {
        if (compressed.Length != 33 || compressed[0] is not (2 or 3))
        {
            return null;
        }

        try
        {
            return Curve.Curve.DecodePoint(compressed);
        }
        catch (Exception e) when (e is ArgumentException or ArithmeticException)
        {
            return null;
        }
    }

    /// <summary>The 33 bytes of the product of a public and a private key.</summary>
    public static byte[] Ecdh(ECPoint publicKey, byte[] privateKey) =>
        publicKey.Multiply(new BigInteger(1, privateKey)).Normalize().GetEncoded(compressed: true);

    public static byte[] PublicKeyOf(byte[] privateKey) =>
        Domain.G.Multiply(new BigInteger(1, privateKey)).Normalize().GetEncoded(compressed: true);

    /// <summary>The node ID of the "v4" scheme: keccak256(x || y).</summary>
    public static byte[] NodeIdOf(ECPoint publicKey) => Keccak256(publicKey.Normalize().GetEncoded(compressed: false)[1..]);

    /// <summary>
    /// Whether r || s signs the hash. The specification says nothing of s in the upper half of the order: such a signature, which
    /// no implementation makes, is valid here.
    /// </summary>
    public static bool Verify(ECPoint publicKey, byte[] hash, byte[] signature)
    {
        if (signature.Length != 64)
        {
            return false;
        }

        var verifier = new ECDsaSigner();
        verifier.Init(false, new ECPublicKeyParameters(publicKey, Domain));
        return verifier.VerifySignature(hash, new BigInteger(1, signature, 0, 32), new BigInteger(1, signature, 32, 32));
    }
}
