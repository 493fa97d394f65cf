using Org.BouncyCastle.Asn1.Sec;
using Org.BouncyCastle.Asn1.X9;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Math.EC;

namespace DevP2P.Crypto;

/// <summary>secp256k1 through BouncyCastle: the fallback where no native library is installed.</summary>
internal sealed class ManagedSecp256k1 : Secp256k1
{
    private static readonly X9ECParameters Curve = SecNamedCurves.GetByName("secp256k1");
    private static readonly ECDomainParameters Domain = new(Curve.Curve, Curve.G, Curve.N, Curve.H);
    private static readonly BigInteger HalfN = Curve.N.ShiftRight(1);
    private static readonly BigInteger P = Curve.Curve.Field.Characteristic;

    public override string Name => "BouncyCastle (managed)";

    public override bool IsValidPrivateKey(ReadOnlySpan<byte> privateKey)
    {
        if (privateKey.Length != PrivateKeySize)
        {
            return false;
        }

        var d = new BigInteger(1, privateKey);
        return d.SignValue > 0 && d.CompareTo(Curve.N) < 0;
    }

    public override void CreatePublicKey(ReadOnlySpan<byte> privateKey, Span<byte> publicKey) =>
        Write(Curve.G.Multiply(Scalar(privateKey)).Normalize(), publicKey);

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
        if (!IsValidPrivateKey(privateKey) || FromCoordinates(publicKey) is not { } point)
        {
            return false;
        }

        ECPoint shared = point.Multiply(Scalar(privateKey)).Normalize();
        WriteFixed(shared.AffineXCoord.ToBigInteger(), sharedX);
        return true;
    }

    public override void SignRecoverable(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> privateKey, Span<byte> signature)
    {
        BigInteger d = Scalar(privateKey);
        var signer = new ECDsaSigner(new HMacDsaKCalculator(new Sha256Digest()));
        signer.Init(true, new ECPrivateKeyParameters(d, Domain));
        BigInteger[] rs = signer.GenerateSignature(hash.ToArray());
        BigInteger s = rs[1].CompareTo(HalfN) > 0 ? Curve.N.Subtract(rs[1]) : rs[1];
        WriteFixed(rs[0], signature[..32]);
        WriteFixed(s, signature[32..64]);

        // BouncyCastle does not say which of the candidates is ours: the one that recovers to our own key.
        Span<byte> own = stackalloc byte[PublicKeySize];
        Span<byte> candidate = stackalloc byte[PublicKeySize];
        CreatePublicKey(privateKey, own);
        for (byte v = 0; v < 4; v++)
        {
            signature[64] = v;
            if (TryRecover(hash, signature, candidate) && candidate.SequenceEqual(own))
            {
                return;
            }
        }

        throw new InvalidOperationException("signature does not recover to the signing key");
    }

    public override bool TryRecover(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, Span<byte> publicKey)
    {
        if (hash.Length != 32 || signature.Length != RecoverableSignatureSize || signature[64] > 3)
        {
            return false;
        }

        var r = new BigInteger(1, signature[..32]);
        var s = new BigInteger(1, signature[32..64]);
        if (!InOrder(r) || !InOrder(s))
        {
            return false;
        }

        BigInteger x = (signature[64] & 2) != 0 ? r.Add(Curve.N) : r;
        if (Decompress(x, (signature[64] & 1) != 0) is not { } point)
        {
            return false;
        }

        // Q = r^-1 (sR - eG), SEC 1, 4.1.6.
        BigInteger inverse = r.ModInverse(Curve.N);
        BigInteger u1 = new BigInteger(1, hash).Negate().Multiply(inverse).Mod(Curve.N);
        BigInteger u2 = s.Multiply(inverse).Mod(Curve.N);
        ECPoint q = ECAlgorithms.SumOfTwoMultiplies(Curve.G, u1, point, u2).Normalize();
        if (q.IsInfinity)
        {
            return false;
        }

        Write(q, publicKey);
        return true;
    }

    public override bool Verify(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> publicKey)
    {
        if (hash.Length != 32 || signature.Length != 64 || FromCoordinates(publicKey) is not { } point)
        {
            return false;
        }

        var r = new BigInteger(1, signature[..32]);
        var s = new BigInteger(1, signature[32..]);
        if (!InOrder(r) || !InOrder(s) || s.CompareTo(HalfN) > 0)
        {
            return false;
        }

        var verifier = new ECDsaSigner();
        verifier.Init(false, new ECPublicKeyParameters(point, Domain));
        return verifier.VerifySignature(hash.ToArray(), r, s);
    }

    private static bool InOrder(BigInteger value) => value.SignValue > 0 && value.CompareTo(Curve.N) < 0;

    private static BigInteger Scalar(ReadOnlySpan<byte> privateKey) => new(1, privateKey);

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

        ECPoint point = Curve.Curve.CreatePoint(x, y);
        return !point.IsInfinity && point.IsValid() ? point : null;
    }

    private static ECPoint? Decompress(BigInteger x, bool odd)
    {
        if (x.CompareTo(P) >= 0)
        {
            return null;
        }

        ECFieldElement fx = Curve.Curve.FromBigInteger(x);
        ECFieldElement? y = fx.Square().Multiply(fx).Add(Curve.Curve.B).Sqrt();
        if (y is null)
        {
            return null;
        }

        if (y.TestBitZero() != odd)
        {
            y = y.Negate();
        }

        return Curve.Curve.CreatePoint(x, y.ToBigInteger());
    }

    private static void Write(ECPoint point, Span<byte> publicKey)
    {
        WriteFixed(point.AffineXCoord.ToBigInteger(), publicKey[..32]);
        WriteFixed(point.AffineYCoord.ToBigInteger(), publicKey[32..64]);
    }

    private static void WriteFixed(BigInteger value, Span<byte> destination)
    {
        byte[] bytes = value.ToByteArrayUnsigned();
        destination[..32].Clear();
        bytes.CopyTo(destination[(32 - bytes.Length)..]);
    }
}
