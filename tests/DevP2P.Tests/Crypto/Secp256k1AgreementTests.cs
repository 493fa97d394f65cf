using System.Numerics;
using CsCheck;
using DevP2P.Crypto;
using Xunit;
using static DevP2P.Tests.Crypto.Curve;

namespace DevP2P.Tests.Crypto;

/// <summary>Each implementation against the managed one, on random input.</summary>
public class Secp256k1AgreementTests
{
    // Scalars, some of them at the edges.
    private static readonly Gen<byte[]> PrivateKeys = Gen.Frequency(
        (8, Gen.Byte.Array[32].Select(bytes => Scalar(Number(bytes)))),
        (1, Gen.Int[1, 3].Select(i => Scalar(i))),
        (1, Gen.Int[1, 3].Select(i => Scalar(-(BigInteger)i))));

    private static readonly Gen<byte[]> Hashes = Gen.Frequency(
        (8, Gen.Byte.Array[32]),
        (1, Gen.Const(new byte[32])),
        (1, Gen.Const(Hex(new string('f', 64)))), // above n
        (1, Gen.Int[-1, 1].Select(i => Scalar(i))));

    public static TheoryData<Implementation> Implementations => Curve.Implementations;

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Public_keys_and_shared_secrets(Implementation implementation) =>
        Gen.Select(PrivateKeys, PrivateKeys).Sample(
            (first, second) =>
            {
                Secp256k1 curve = Get(implementation);
                byte[] publicKey = PublicKeyOf(curve, first);
                Assert.Equal(PublicKeyOf(Secp256k1.Managed, first), publicKey);
                byte[] expected = new byte[32], actual = new byte[32], other = new byte[32];
                Assert.True(Secp256k1.Managed.TryEcdh(second, publicKey, expected));
                Assert.True(curve.TryEcdh(second, publicKey, actual));
                Assert.True(curve.TryEcdh(first, PublicKeyOf(curve, second), other));
                Assert.Equal(expected, actual);
                Assert.Equal(expected, other);

                byte[] expectedPoint = new byte[33], actualPoint = new byte[33], otherPoint = new byte[33];
                Assert.True(Secp256k1.Managed.TryEcdhPoint(second, publicKey, expectedPoint));
                Assert.True(curve.TryEcdhPoint(second, publicKey, actualPoint));
                Assert.True(curve.TryEcdhPoint(first, PublicKeyOf(curve, second), otherPoint));
                Assert.Equal(expectedPoint, actualPoint);
                Assert.Equal(expectedPoint, otherPoint);
                Assert.Equal(expected, expectedPoint[1..]);
            },
            iter: 50);

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Signatures_are_identical_and_recover(Implementation implementation) =>
        Gen.Select(PrivateKeys, Hashes).Sample(
            (key, hash) =>
            {
                Secp256k1 curve = Get(implementation);
                byte[] signature = Sign(curve, hash, key);
                Assert.Equal(Sign(Secp256k1.Managed, hash, key), signature);
                Assert.InRange(signature[32], 0, 0x7f);

                byte[] publicKey = PublicKeyOf(curve, key);
                byte[] recovered = new byte[64];
                Assert.True(curve.TryRecover(hash, signature, recovered));
                Assert.Equal(publicKey, recovered);
                Assert.True(Secp256k1.Managed.TryRecover(hash, signature, recovered));
                Assert.Equal(publicKey, recovered);
                Assert.True(curve.Verify(hash, signature.AsSpan(0, 64), publicKey));
                Assert.True(Secp256k1.Managed.Verify(hash, signature.AsSpan(0, 64), publicKey));

                // The same with a high s: verifying refuses it, recovering does not.
                Scalar(-Number(signature.AsSpan(32, 32))).CopyTo(signature, 32);
                signature[64] ^= 1;
                Assert.False(curve.Verify(hash, signature.AsSpan(0, 64), publicKey));
                Assert.False(Secp256k1.Managed.Verify(hash, signature.AsSpan(0, 64), publicKey));
                Assert.True(curve.TryRecover(hash, signature, recovered));
                Assert.Equal(publicKey, recovered);
            },
            iter: 50);

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Mutated_signatures_recover_alike_and_never_to_the_signer(Implementation implementation) =>
        Gen.Select(PrivateKeys, Gen.Byte.Array[32], Gen.Int[0, (65 * 8) - 1]).Sample(
            (key, hash, bit) =>
            {
                Secp256k1 curve = Get(implementation);
                byte[] signature = Sign(curve, hash, key), publicKey = PublicKeyOf(curve, key);
                signature[bit / 8] ^= (byte)(1 << (bit % 8));
                byte[] expected = new byte[64], actual = new byte[64];
                bool recovers = Secp256k1.Managed.TryRecover(hash, signature, expected);
                Assert.Equal(recovers, curve.TryRecover(hash, signature, actual));
                Assert.Equal(expected, actual);
                Assert.NotEqual(publicKey, actual);
                bool inRecoveryId = bit >= 64 * 8;
                Assert.Equal(inRecoveryId, curve.Verify(hash, signature.AsSpan(0, 64), publicKey));
                Assert.Equal(inRecoveryId, Secp256k1.Managed.Verify(hash, signature.AsSpan(0, 64), publicKey));
            },
            iter: 50);

    [Theory]
    [MemberData(nameof(Implementations))]
    [Trait("Threat", "T08")]
    public void Valid_and_mutated_keys_are_parsed_alike_in_all_forms(Implementation implementation) =>
        Gen.Select(PrivateKeys, Gen.Int[0, 2], Gen.Int[-1, (65 * 8) - 1]).Sample(
            (key, form, bit) =>
            {
                Secp256k1 curve = Get(implementation);
                byte[] publicKey = PublicKeyOf(curve, key);
                byte[] encoded = form switch
                {
                    0 => [(byte)(2 | (publicKey[63] & 1)), .. publicKey[..32]],
                    1 => publicKey,
                    _ => [4, .. publicKey],
                };
                bool mutated = bit >= 0;
                if (mutated)
                {
                    encoded[bit / 8 % encoded.Length] ^= (byte)(1 << (bit % 8));
                }

                byte[] expected = new byte[64], actual = new byte[64];
                bool valid = Secp256k1.Managed.TryParsePublicKey(encoded, expected);
                Assert.Equal(valid, curve.TryParsePublicKey(encoded, actual));
                Assert.Equal(expected, actual);
                if (!mutated)
                {
                    Assert.True(valid);
                    Assert.Equal(publicKey, actual);
                }
                else if (form != 0)
                {
                    // One bit away from a point there is none, but a compressed key may well be another one.
                    Assert.False(valid);
                }
            },
            iter: 200);

    [Theory]
    [MemberData(nameof(Implementations))]
    [Trait("Threat", "T08")]
    public void Random_bytes_are_parsed_alike(Implementation implementation) =>
        Gen.Select(Gen.Int[0, 4], Gen.Byte.Array[0, 70]).Sample(
            (prefix, bytes) =>
            {
                // Half of all random compressed keys are points, no random uncompressed one is.
                byte[] encoded = prefix == 0 ? bytes : [(byte)prefix, .. bytes.Concat(new byte[32]).Take(32)];
                byte[] expected = new byte[64], actual = new byte[64];
                Assert.Equal(Secp256k1.Managed.TryParsePublicKey(encoded, expected), Get(implementation).TryParsePublicKey(encoded, actual));
                Assert.Equal(expected, actual);
            },
            iter: 200);

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Calls_may_run_at_the_same_time(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        byte[] key = Scalar(12345), hash = new byte[32];
        byte[] expected = Sign(curve, hash, key), publicKey = PublicKeyOf(curve, key);
        Parallel.For(0, 64, _ =>
        {
            var recovered = new byte[64];
            Assert.Equal(expected, Sign(curve, hash, key));
            Assert.True(curve.TryRecover(hash, expected, recovered));
            Assert.Equal(publicKey, recovered);
        });
    }

    [Fact]
    public void The_native_library_allocates_nothing_per_call()
    {
        if (Secp256k1.TryLoadNative() is not { } curve)
        {
            return;
        }

        byte[] key = Scalar(7), hash = new byte[32], publicKey = PublicKeyOf(curve, key), signature = Sign(curve, hash, key), buffer = new byte[64];
        CallAll();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            CallAll();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void CallAll()
        {
            curve.CreatePublicKey(key, buffer);
            curve.TryParsePublicKey(publicKey, buffer);
            curve.TryEcdh(key, publicKey, buffer);
            curve.TryEcdhPoint(key, publicKey, buffer);
            curve.SignRecoverable(hash, key, signature);
            curve.TryRecover(hash, signature, buffer);
            curve.Verify(hash, signature.AsSpan(0, 64), publicKey);
        }
    }
}
