using System.Security.Cryptography;
using System.Text;
using DevP2P.Crypto;
using Xunit;
using static DevP2P.Tests.Crypto.Curve;

namespace DevP2P.Tests.Crypto;

/// <summary>Known answers, for each implementation.</summary>
public class Secp256k1Tests
{
    // go-ethereum, crypto/signature_test.go.
    private const string Message = "ce0677bb30baa8cf067c88db9811f4333d131bf8bcf12fe7065d211dce971008";
    private const string Signature =
        "90f27b8b488db00b00606796d2987f6a5f59ae62ea05effe84fef5b8b0e549984a691139ad57a3f0b906637673aa2f63d1f55cb1a69199d4009eea23ceaddc93";

    private const string SignerX = "e32df42865e97135acfb65f3bae71bdc86f4d49150ad6a440b6f15878109880a";
    private const string SignerY = "0a2b2667f7e725ceea70c673093bf67663e0312623c8e091b13cf2c0f11ef652";

    public static TheoryData<Implementation> Implementations => Curve.Implementations;

    [Theory]
    [MemberData(nameof(Implementations))]
    public void The_key_one_gives_the_generator(Implementation implementation) =>
        Assert.Equal(Hex(Gx + Gy), PublicKeyOf(Get(implementation), Hex(One)));

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Recover_and_verify_a_known_signature(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        var key = new byte[64];
        Assert.True(curve.TryRecover(Hex(Message), Hex(Signature + "01"), key));
        Assert.Equal(Hex(SignerX + SignerY), key);
        Assert.True(curve.Verify(Hex(Message), Hex(Signature), key));

        Assert.False(curve.Verify(Hex(Message), Hex(Signature), Hex(Gx + Gy)));
        Assert.False(curve.Verify(new byte[32], Hex(Signature), key));
        Assert.False(curve.Verify(Hex(Message), Hex(Signature).AsSpan(0, 62), key));
        Assert.False(curve.Verify(Hex(Message), Hex(Signature + "01"), key));
        Assert.False(curve.Verify([], Hex(Signature), key));
        Assert.False(curve.Verify(Hex(Message), [], key));
        Assert.False(curve.Verify(Hex(Message), Hex(Signature), []));
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    public void A_compressed_key_is_parsed(Implementation implementation)
    {
        var key = new byte[64];
        Assert.True(Get(implementation).TryParsePublicKey(Hex("02" + SignerX), key));
        Assert.Equal(Hex(SignerX + SignerY), key);
        Assert.True(Get(implementation).TryParsePublicKey(Hex("03" + SignerX), key));
        Assert.Equal(SignerX, Convert.ToHexStringLower(key.AsSpan(0, 32)));
        Assert.NotEqual(SignerY, Convert.ToHexStringLower(key.AsSpan(32)));
    }

    // A high s: go-ethereum, crypto/signature_test.go, TestVerifySignatureMalleable.
    [Theory]
    [MemberData(nameof(Implementations))]
    public void A_malleable_signature_is_refused(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        byte[] hash = Hex("d301ce462d3e639518f482c7f03821fec1e602018630ce621e1e7851c12343a6");
        byte[] signature =
            Hex("638a54215d80a6713c8d523a6adc4e6e73652d859103a36b700851cb0e61b66b8ebfc1a610c57d732ec6e0a8f06a9a7a28df5051ece514702ff9cdff0b11f454");
        var key = new byte[64];
        Assert.True(curve.TryParsePublicKey(Hex("03ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138"), key));
        Assert.False(curve.Verify(hash, signature, key));

        Scalar(-Number(signature.AsSpan(32))).CopyTo(signature, 32);
        Assert.True(curve.Verify(hash, signature, key));
    }

    // Deterministic nonces (RFC 6979 with SHA-256): vectors that are used by many implementations of this curve.
    [Theory]
    [InlineData(
        "0000000000000000000000000000000000000000000000000000000000000001", "Satoshi Nakamoto",
        "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d82442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5")]
    [InlineData(
        "0000000000000000000000000000000000000000000000000000000000000001",
        "All those moments will be lost in time, like tears in rain. Time to die...",
        "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21")]
    [InlineData(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", "Satoshi Nakamoto",
        "fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d06b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5")]
    public void Signatures_are_deterministic(string key, string message, string expected)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(message));
        foreach (Implementation implementation in Curve.Implementations)
        {
            Secp256k1 curve = Get(implementation);
            byte[] signature = Sign(curve, hash, Hex(key));
            Assert.Equal(expected, Convert.ToHexStringLower(signature.AsSpan(0, 64)));
            var recovered = new byte[64];
            Assert.True(curve.TryRecover(hash, signature, recovered));
            Assert.Equal(PublicKeyOf(curve, Hex(key)), recovered);
        }
    }

    // go-ethereum, crypto/crypto_test.go, TestSign: the address is the end of the key's hash.
    [Theory]
    [MemberData(nameof(Implementations))]
    public void Sign_and_recover_with_a_known_address(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        byte[] hash = new byte[32], key = new byte[64], keyHash = new byte[32];
        Keccak256.Hash("foo"u8, hash);
        Assert.True(curve.TryRecover(hash, Sign(curve, hash, Hex("289c2857d4598e37fb9647507e47a309d6133539bf21a8b9cb6df88fd5232032")), key));
        Keccak256.Hash(key, keyHash);
        Assert.Equal("970e8128ab834e8eac17ab8e3812f010678cf791", Convert.ToHexStringLower(keyHash.AsSpan(12)));
    }

    // go-ethereum, crypto/ecies/ecies_test.go, TestSharedKeyStatic.
    [Theory]
    [MemberData(nameof(Implementations))]
    public void A_known_shared_secret(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        byte[] first = Hex("7ebbc6a8358bc76dd73ebc557056702c8cfc34e5cfcd90eb83af0347575fd2ad");
        byte[] second = Hex("6a3d6396903245bba5837752b9e0348874e72db0c4e11e9c485a81b4ea4353b9");
        var shared = new byte[32];
        Assert.True(curve.TryEcdh(first, PublicKeyOf(curve, second), shared));
        Assert.Equal("167ccc13ac5e8a26b131c3446030c60fbfac6aa8e31149d0869f93626a4cdf62", Convert.ToHexStringLower(shared));
        Assert.True(curve.TryEcdh(second, PublicKeyOf(curve, first), shared));
        Assert.Equal("167ccc13ac5e8a26b131c3446030c60fbfac6aa8e31149d0869f93626a4cdf62", Convert.ToHexStringLower(shared));
    }

    // discv5-wire-test-vectors.md, "ECDH".
    [Theory]
    [MemberData(nameof(Implementations))]
    public void A_known_shared_point(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        byte[] key = new byte[64], shared = new byte[33];
        Assert.True(curve.TryParsePublicKey(Hex("039961e4c2356d61bedb83052c115d311acb3a96f5777296dcf297351130266231"), key));
        Assert.True(curve.TryEcdhPoint(Hex("fb757dc581730490a1d7a00deea65e9b1936924caaea8f44d476014856b68736"), key, shared));
        Assert.Equal("033b11a2a1f214567e1537ce5e509ffd9b21373247f2a3ff6841f4976f53165e7e", Convert.ToHexStringLower(shared));

        // With the keys 1 and n - 1 it is the other's key and its negative; leading zeros stay.
        Assert.True(curve.TryEcdhPoint(Hex(One), Hex(One + YOfXOne), shared));
        Assert.Equal(Hex("02" + One), shared);
        Assert.True(curve.TryEcdhPoint(Scalar(-1), Hex(One + YOfXOne), shared));
        Assert.Equal(Hex("03" + One), shared);
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    [Trait("Threat", "T08")]
    public void No_shared_point_without_two_valid_keys(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        foreach (string invalid in new[] { "", Zero, N, P, new string('f', 64), One[2..], "00" + One })
        {
            Assert.False(curve.TryEcdhPoint(Hex(invalid), Hex(Gx + Gy), new byte[33]));
        }

        foreach (var point in InvalidPoints)
        {
            Assert.False(curve.TryEcdhPoint(Hex(One), Hex(point.Data.Item2), new byte[33]), point.Data.Item1);
        }

        foreach (string wrongSize in new[] { "", Gx, "02" + Gx, "04" + Gx + Gy })
        {
            Assert.False(curve.TryEcdhPoint(Hex(One), Hex(wrongSize), new byte[33]));
        }
    }

    // go-ethereum, crypto/ecies/ecies_test.go, TestSharedKeyPadding: a private key with a leading zero.
    [Theory]
    [MemberData(nameof(Implementations))]
    public void Short_numbers_keep_their_leading_zeros(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        byte[] first = Hex("1adf5c18167d96a1f9a0b1ef63be8aa27eaf6032c233b2b38f7850cf5b859fd9");
        byte[] second = Hex("0097a076fc7fcd9208240668e31c9abee952cbb6e375d1b8febc7499d6e16f1a");
        Assert.Equal(
            Hex("1a8ed022ff7aec59dc1b440446bdda5ff6bcb3509a8b109077282b361efffbd8e040bd480b1deccc3bc40bd5b1fdcb7bfd352500b477cb9471366dbd4493f923"),
            PublicKeyOf(curve, first));
        Assert.Equal(
            Hex("6ab3ac374251f638d0abb3ef596d1dc67955b507c104e5f2009724812dc027b88ad915f2b503a8be6facab6588731fefeb584fd2dfa9a77a5e0bba1ec439e4fa"),
            PublicKeyOf(curve, second));

        byte[] one = new byte[32], two = new byte[32];
        Assert.True(curve.TryEcdh(first, PublicKeyOf(curve, second), one));
        Assert.True(curve.TryEcdh(second, PublicKeyOf(curve, first), two));
        Assert.Equal(one, two);

        // The shared point with the key 1 is the other's key: an X of 1 comes out as 32 bytes.
        Assert.True(curve.TryEcdh(Hex(One), Hex(One + YOfXOne), one));
        Assert.Equal(Hex(One), one);
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Private_keys_are_1_to_n_minus_1(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        Assert.True(curve.IsValidPrivateKey(Hex(One)));
        Assert.True(curve.IsValidPrivateKey(Scalar(-1)));
        foreach (string invalid in new[] { "", Zero, N, P, new string('f', 64), One[2..], "00" + One })
        {
            Assert.False(curve.IsValidPrivateKey(Hex(invalid)));
            Assert.False(curve.TryEcdh(Hex(invalid), Hex(Gx + Gy), new byte[32]));
            Assert.Throws<ArgumentException>(() => PublicKeyOf(curve, Hex(invalid)));
            Assert.Throws<ArgumentException>(() => Sign(curve, new byte[32], Hex(invalid)));
        }
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Own_mistakes_throw(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        Assert.Throws<ArgumentException>(() => Sign(curve, new byte[31], Hex(One)));
        Assert.Throws<ArgumentException>(() => Sign(curve, new byte[33], Hex(One)));
        Assert.ThrowsAny<ArgumentException>(() => curve.SignRecoverable(new byte[32], Hex(One), new byte[64]));
        Assert.ThrowsAny<ArgumentException>(() => curve.CreatePublicKey(Hex(One), new byte[63]));
        Assert.ThrowsAny<ArgumentException>(() => curve.TryEcdh(Hex(One), Hex(Gx + Gy), new byte[31]));
        Assert.ThrowsAny<ArgumentException>(() => curve.TryEcdhPoint(Hex(One), Hex(Gx + Gy), new byte[32]));
        Assert.ThrowsAny<ArgumentException>(() => curve.TryParsePublicKey(Hex(Gx + Gy), new byte[63]));
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Impossible_signatures_recover_nothing(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        byte[] hash = Hex(Message);
        var key = new byte[64];
        string r = Signature[..64], s = Signature[64..];
        string[] impossible =
        [
            Zero + s + "00", r + Zero + "00", N + s + "00", r + N + "00", new string('f', 128) + "00",
            Signature + "04", Signature + "1b", Signature + "ff", // v
            Signature, Signature + "0100", "", // length
            "0000000000000000000000000000000000000000000000000000000000000005" + s + "00", // no point has this X
            r + s + "02", // r + n is no coordinate below p
        ];
        foreach (string signature in impossible)
        {
            Assert.False(curve.TryRecover(hash, Hex(signature), key));
        }

        Assert.False(curve.TryRecover(hash.AsSpan(1), Hex(Signature + "01"), key));
        Assert.False(curve.TryRecover([.. hash, 0], Hex(Signature + "01"), key));
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    public void A_signature_that_recovers_to_infinity_is_refused(Implementation implementation)
    {
        // R = G and s = e: Q = r^-1 (sR - eG) is the point at infinity. G's Y is even.
        byte[] hash = Hex(Message);
        Assert.False(Get(implementation).TryRecover(hash, [.. Hex(Gx), .. hash, 0], new byte[64]));
        Assert.True(Get(implementation).TryRecover(hash, [.. Hex(Gx), .. hash, 1], new byte[64]));
    }

    [Fact]
    public void A_coordinate_of_R_above_n_is_recovered_alike()
    {
        // X = n + 2 is on the curve: the one signature in 2^127 that needs v = 2 or 3.
        byte[] hash = Hex(Message);
        foreach (byte v in new byte[] { 2, 3 })
        {
            byte[] signature = [.. Scalar(2), .. Hex(One), v];
            byte[] expected = new byte[64], actual = new byte[64];
            Assert.True(Secp256k1.Managed.TryRecover(hash, signature, expected));
            Assert.True(Secp256k1.Managed.Verify(hash, signature.AsSpan(0, 64), expected));
            foreach (Implementation implementation in Curve.Implementations)
            {
                Assert.True(Get(implementation).TryRecover(hash, signature, actual));
                Assert.Equal(expected, actual);
            }
        }
    }
}
