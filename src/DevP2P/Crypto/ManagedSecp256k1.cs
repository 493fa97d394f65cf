using System.Diagnostics.CodeAnalysis;
using Org.BouncyCastle.Asn1.X9;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Math.EC;
using Org.BouncyCastle.Math.EC.Multiplier;
using Org.BouncyCastle.Utilities;

namespace DevP2P.Crypto;

/// <summary>secp256k1 through BouncyCastle: the fallback where no native library is installed.</summary>
/// <remarks>Unlike the native library, it does not promise that its timing is independent of the private key.</remarks>
internal sealed class ManagedSecp256k1 : Secp256k1
{
    // The custom curve has field arithmetic of its own, several times faster than the generic one of SecNamedCurves.
    private static readonly X9ECParameters Parameters = CustomNamedCurves.GetByName("secp256k1");
    private static readonly ECCurve Curve = Parameters.Curve;
    private static readonly ECPoint G = Parameters.G;
    private static readonly BigInteger N = Parameters.N;
    private static readonly BigInteger HalfN = N.ShiftRight(1);
    private static readonly BigInteger P = Curve.Field.Characteristic;
    private static readonly FixedPointCombMultiplier BaseMultiplier = new();

    public override string Name => "BouncyCastle (managed)";

    public override bool IsValidPrivateKey(ReadOnlySpan<byte> privateKey) => TryReadScalar(privateKey, out _);

    public override void CreatePublicKey(ReadOnlySpan<byte> privateKey, Span<byte> publicKey)
    {
        if (!TryReadScalar(privateKey, out BigInteger? d))
        {
            throw NotAPrivateKey();
        }

        Write(BaseMultiplier.Multiply(G, d).Normalize(), publicKey);
    }

    public override bool TryParsePublicKey(ReadOnlySpan<byte> encoded, Span<byte> publicKey)
    {
        ECPoint? point = encoded.Length switch
        {
            33 when encoded[0] is 2 or 3 => Decompress(new BigInteger(1, encoded[1..]), encoded[0] == 3),
            64 => FromCoordinates(encoded),
            65 when encoded[0] == 4 => FromCoordinates(encoded[1..]),
            _ => null,
        };
        if (point is null)
        {
            return false;
        }

        Write(point, publicKey);
        return true;
    }

    public override bool TryEcdh(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> sharedX)
    {
        if (FromCoordinates(publicKey) is not { } point || !TryReadScalar(privateKey, out BigInteger? d))
        {
            return false;
        }

        WriteFixed(point.Multiply(d).Normalize().AffineXCoord.ToBigInteger(), sharedX);
        return true;
    }

    public override bool TryEcdhPoint(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> sharedPoint)
    {
        if (FromCoordinates(publicKey) is not { } point || !TryReadScalar(privateKey, out BigInteger? d))
        {
            return false;
        }

        ECPoint shared = point.Multiply(d).Normalize();
        sharedPoint[0] = (byte)(shared.AffineYCoord.TestBitZero() ? 3 : 2);
        WriteFixed(shared.AffineXCoord.ToBigInteger(), sharedPoint[1..]);
        return true;
    }

    public override void SignRecoverable(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> privateKey, Span<byte> signature)
    {
        if (hash.Length != HashSize)
        {
            throw NotAHash();
        }

        if (!TryReadScalar(privateKey, out BigInteger? d))
        {
            throw NotAPrivateKey();
        }

        var e = new BigInteger(1, hash);
        var nonces = new HMacDsaKCalculator(new Sha256Digest());
        nonces.Init(N, d, hash.ToArray());
        BigInteger r, s;
        int recoveryId;
        do
        {
            // SEC 1, 4.1.3, written out because BouncyCastle's signer keeps R's Y to itself, and with it the recovery id.
            BigInteger k = nonces.NextK();
            ECPoint point = BaseMultiplier.Multiply(G, k).Normalize();
            BigInteger x = point.AffineXCoord.ToBigInteger();
            r = x.Mod(N);
            s = BigIntegers.ModOddInverse(N, k).Multiply(e.Add(d.Multiply(r))).Mod(N);
            recoveryId = (point.AffineYCoord.TestBitZero() ? 1 : 0) | (x.CompareTo(N) >= 0 ? 2 : 0);
        }
        while (r.SignValue == 0 || s.SignValue == 0);

        if (s.CompareTo(HalfN) > 0)
        {
            // -s belongs to -R, whose Y has the other parity.
            s = N.Subtract(s);
            recoveryId ^= 1;
        }

        signature = signature[..RecoverableSignatureSize];
        WriteFixed(r, signature);
        WriteFixed(s, signature[32..]);
        signature[64] = (byte)recoveryId;
    }

    public override bool TryRecover(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, Span<byte> publicKey)
    {
        if (hash.Length != HashSize
            || signature.Length != RecoverableSignatureSize
            || signature[64] > 3
            || !TryReadScalar(signature[..32], out BigInteger? r)
            || !TryReadScalar(signature[32..64], out BigInteger? s))
        {
            return false;
        }

        BigInteger x = (signature[64] & 2) != 0 ? r.Add(N) : r;
        if (Decompress(x, (signature[64] & 1) != 0) is not { } point)
        {
            return false;
        }

        // Q = r^-1 (sR - eG), SEC 1, 4.1.6.
        BigInteger inverse = BigIntegers.ModOddInverseVar(N, r);
        BigInteger u1 = new BigInteger(1, hash).Negate().Multiply(inverse).Mod(N);
        BigInteger u2 = s.Multiply(inverse).Mod(N);
        ECPoint q = ECAlgorithms.SumOfTwoMultiplies(G, u1, point, u2).Normalize();
        if (q.IsInfinity)
        {
            return false;
        }

        Write(q, publicKey);
        return true;
    }

    public override bool Verify(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> publicKey)
    {
        if (hash.Length != HashSize
            || signature.Length != SignatureSize
            || FromCoordinates(publicKey) is not { } point
            || !TryReadScalar(signature[..32], out BigInteger? r)
            || !TryReadScalar(signature[32..], out BigInteger? s)
            || s.CompareTo(HalfN) > 0)
        {
            return false;
        }

        var verifier = new ECDsaSigner();
        verifier.Init(false, new ECPublicKeyParameters(point, new ECDomainParameters(Parameters)));
        return verifier.VerifySignature(hash.ToArray(), r, s);
    }

    /// <summary>Reads a number from 1 to n-1.</summary>
    private static bool TryReadScalar(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out BigInteger? scalar)
    {
        scalar = bytes.Length == 32 ? new BigInteger(1, bytes) : null;
        return scalar is { SignValue: > 0 } && scalar.CompareTo(N) < 0;
    }

    private static ECPoint? FromCoordinates(ReadOnlySpan<byte> xy)
    {
        if (xy.Length != PublicKeySize)
        {
            return null;
        }

        var x = new BigInteger(1, xy[..32]);
        var y = new BigInteger(1, xy[32..]);
        if (x.CompareTo(P) >= 0 || y.CompareTo(P) >= 0)
        {
            return null;
        }

        ECPoint point = Curve.CreatePoint(x, y);
        return point.IsValid() ? point : null;
    }

    /// <summary>The point with this X and a Y of this parity; null if there is none.</summary>
    private static ECPoint? Decompress(BigInteger x, bool odd)
    {
        if (x.CompareTo(P) >= 0)
        {
            return null;
        }

        ECFieldElement fx = Curve.FromBigInteger(x);
        ECFieldElement? y = fx.Square().Multiply(fx).Add(Curve.B).Sqrt();
        if (y is null)
        {
            return null;
        }

        return Curve.CreatePoint(x, (y.TestBitZero() == odd ? y : y.Negate()).ToBigInteger());
    }

    private static void Write(ECPoint point, Span<byte> publicKey)
    {
        WriteFixed(point.AffineXCoord.ToBigInteger(), publicKey);
        WriteFixed(point.AffineYCoord.ToBigInteger(), publicKey[32..]);
    }

    private static void WriteFixed(BigInteger value, Span<byte> destination) =>
        BigIntegers.AsUnsignedByteArray(value, destination[..32]);
}
