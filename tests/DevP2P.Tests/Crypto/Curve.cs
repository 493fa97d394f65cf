using System.Globalization;
using System.Numerics;
using DevP2P.Crypto;
using Xunit;

namespace DevP2P.Tests.Crypto;

/// <summary>Numbers of secp256k1 and encodings that are not keys, for tests.</summary>
internal static class Curve
{
    public const string P = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
    public const string N = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    public const string Gx = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    public const string Gy = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
    public const string Zero = "0000000000000000000000000000000000000000000000000000000000000000";

    // The point with X = 1, and one with Y = 1: their coordinates also have a second spelling, plus p, below 2^256.
    public const string One = "0000000000000000000000000000000000000000000000000000000000000001";
    public const string PPlusOne = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc30";
    public const string YOfXOne = "4218f20ae6c646b363db68605822fb14264ca8d2587fdd6fbc750d587e76a7ee";
    public const string XOfYOne = "1fe1e5ef3fceb5c135ab7741333ce5a6e80d68167653f6b2b24bcbcfaaaff507";

    /// <summary>Every implementation that runs here. The managed one always does; CI installs what the native one needs.</summary>
    public static TheoryData<Implementation> Implementations =>
        Secp256k1.TryLoadNative() is null ? [Implementation.Managed] : [Implementation.Managed, Implementation.Native];

    /// <summary>X || Y that is no point: off the curve, a coordinate out of range, zero (the usual stand-in for infinity).</summary>
    public static TheoryData<string, string> InvalidPoints => new()
    {
        { "off the curve", Gx + Gy[..^1] + "9" },
        { "coordinates swapped", Gy + Gx },
        { "x not on the curve", "0000000000000000000000000000000000000000000000000000000000000005" + One },
        { "zero", Zero + Zero },
        { "x = 0", Zero + One },
        { "y = 0", One + Zero },
        { "x + p", PPlusOne + YOfXOne },
        { "y + p", XOfYOne + PPlusOne },
        { "x = p", P + One },
        { "y = p", One + P },
        { "all ones", new string('f', 128) },
    };

    public static Secp256k1 Get(Implementation implementation) =>
        implementation == Implementation.Managed ? Secp256k1.Managed : Secp256k1.TryLoadNative()!;

    public static byte[] Hex(string hex) => Convert.FromHexString(hex);

    public static byte[] PublicKeyOf(Secp256k1 curve, byte[] privateKey)
    {
        var result = new byte[64];
        curve.CreatePublicKey(privateKey, result);
        return result;
    }

    public static byte[] Sign(Secp256k1 curve, byte[] hash, byte[] privateKey)
    {
        var result = new byte[65];
        curve.SignRecoverable(hash, privateKey, result);
        return result;
    }

    /// <summary>The number modulo n as 32 bytes.</summary>
    public static byte[] Scalar(BigInteger value)
    {
        BigInteger n = BigInteger.Parse("0" + N, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        byte[] bytes = (((value % n) + n) % n).ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[32 - bytes.Length], .. bytes];
    }

    public static BigInteger Number(ReadOnlySpan<byte> bytes) => new(bytes, isUnsigned: true, isBigEndian: true);
}

public enum Implementation
{
    Managed,
    Native,
}
