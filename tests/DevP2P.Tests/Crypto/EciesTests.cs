using CsCheck;
using DevP2P.Crypto;
using Xunit;
using static DevP2P.Tests.Crypto.Curve;

namespace DevP2P.Tests.Crypto;

public class EciesTests
{
    private static readonly PrivateKey Receiver = PrivateKey.ParseHex(Eip8Vectors.StaticKeyB);
    private static readonly byte[] AuthData = [0x01, 0xb3];

    public static TheoryData<string, string> InvalidPoints => Curve.InvalidPoints;

    // go-ethereum, crypto/ecies/ecies_test.go, TestKDF.
    [Theory]
    [InlineData("858b192fa2ed")]
    [InlineData("858b192fa2ed4395e2bf88dd8d5770d67dc284ee539f12da8bceaa45d06ebae0")]
    [InlineData("858b192fa2ed4395e2bf88dd8d5770d67dc284ee539f12da8bceaa45d06ebae0700f1ab918a5f0413b8140f9940d6955")]
    [InlineData(
        "858b192fa2ed4395e2bf88dd8d5770d67dc284ee539f12da8bceaa45d06ebae0700f1ab918a5f0413b8140f9940d6955f3467fd6672cce1024c5b1effccc0f61")]
    public void Key_derivation_of_any_length(string expected)
    {
        var output = new byte[expected.Length / 2];
        Ecies.DeriveKey("input"u8, output);
        Assert.Equal(expected, Convert.ToHexStringLower(output));
    }

    [Fact]
    public void What_is_encrypted_is_decrypted() =>
        Gen.Select(Gen.Byte.Array[0, 600], Gen.Byte.Array[0, 20], Gen.Int).Sample(
            (plaintext, authData, seed) =>
            {
                byte[] ciphertext = Encrypt(plaintext, authData, seed);
                Assert.Equal(plaintext, Decrypt(Receiver, ciphertext, authData));
                Assert.Null(Decrypt(PrivateKey.ParseHex(Eip8Vectors.StaticKeyA), ciphertext, authData));
                Assert.Null(Decrypt(Receiver, ciphertext, [.. authData, 0]));
            },
            iter: 30);

    [Fact]
    public void Two_encryptions_of_one_message_share_nothing()
    {
        byte[] first = Encrypt(new byte[100], AuthData, 1), second = Encrypt(new byte[100], AuthData, 2);
        Assert.NotEqual(first[1..65], second[1..65]);
        Assert.NotEqual(first[65..81], second[65..81]);
        Assert.NotEqual(first[81..181], second[81..181]);
        Assert.Equal(first, Encrypt(new byte[100], AuthData, 1));
    }

    [Fact]
    public void The_mac_covers_message_and_authenticated_data_as_one_string()
    {
        byte[] ciphertext = Encrypt(new byte[10], [7], 3);
        Assert.NotNull(Decrypt(Receiver, ciphertext, [7]));
        byte[] moved = [.. ciphertext[..^32], 7, .. ciphertext[^32..]];

        // So says rlpx.md: nothing separates the two. What fixes the boundary is that the data, EIP-8's size, is the length.
        Assert.NotNull(Decrypt(Receiver, moved, []));
    }

    [Fact]
    public void The_older_auth_of_eip_8_is_decrypted_and_proves_its_sender()
    {
        byte[] plain = Decrypt(Receiver, Hex(Eip8Vectors.Auth1), [])!;
        Assert.Equal(194, plain.Length);
        PrivateKey a = PrivateKey.ParseHex(Eip8Vectors.StaticKeyA), ephemeralA = PrivateKey.ParseHex(Eip8Vectors.EphemeralKeyA);
        byte[] hash = new byte[32], shared = new byte[32], ephemeral = new byte[64];
        Keccak256.Hash(ephemeralA.PublicKey.Bytes, hash);
        Assert.Equal(hash, plain[65..97]);
        Assert.Equal(a.PublicKey.Bytes, plain.AsSpan(97, 64));
        Assert.Equal(Eip8Vectors.NonceA, Convert.ToHexStringLower(plain.AsSpan(161, 32)));
        Assert.Equal(0, plain[193]);

        // The signature is over static-shared-secret ^ nonce with the ephemeral key.
        Assert.True(Secp256k1.Instance.TryEcdh(Receiver.Bytes, a.PublicKey.Bytes, shared));
        byte[] signed = [.. shared.Zip(Hex(Eip8Vectors.NonceA), (x, y) => (byte)(x ^ y))];
        Assert.True(Secp256k1.Instance.TryRecover(signed, plain.AsSpan(0, 65), ephemeral));
        Assert.Equal(ephemeralA.PublicKey.Bytes, ephemeral);
    }

    [Fact]
    public void The_older_ack_of_eip_8_is_decrypted()
    {
        byte[] plain = Decrypt(PrivateKey.ParseHex(Eip8Vectors.StaticKeyA), Hex(Eip8Vectors.Ack1), [])!;
        Assert.Equal(97, plain.Length);
        Assert.Equal(PrivateKey.ParseHex(Eip8Vectors.EphemeralKeyB).PublicKey.Bytes, plain.AsSpan(0, 64));
        Assert.Equal(Eip8Vectors.NonceB, Convert.ToHexStringLower(plain.AsSpan(64, 32)));
        Assert.Equal(0, plain[96]);
    }

    [Theory]
    [InlineData(Eip8Vectors.Auth2, Eip8Vectors.StaticKeyB, Eip8Vectors.NonceA)]
    [InlineData(Eip8Vectors.Auth3, Eip8Vectors.StaticKeyB, Eip8Vectors.NonceA)]
    [InlineData(Eip8Vectors.Ack2, Eip8Vectors.StaticKeyA, Eip8Vectors.NonceB)]
    [InlineData(Eip8Vectors.Ack3, Eip8Vectors.StaticKeyA, Eip8Vectors.NonceB)]
    public void The_newer_packets_of_eip_8_authenticate_their_size(string packet, string key, string nonce)
    {
        byte[] bytes = Hex(packet);
        byte[] plain = Decrypt(PrivateKey.ParseHex(key), bytes.AsSpan(2), bytes.AsSpan(0, 2))!;
        Assert.Equal(bytes.Length - 2 - Ecies.Overhead, plain.Length);
        Assert.Contains(nonce, Convert.ToHexStringLower(plain), StringComparison.Ordinal);
        Assert.Null(Decrypt(PrivateKey.ParseHex(key), bytes.AsSpan(2), []));
    }

    [Theory]
    [MemberData(nameof(InvalidPoints))]
    [Trait("Threat", "T08")]
    [Trait("Threat", "T09")]
    public void A_key_that_is_no_point_fails_like_anything_else(string what, string xy)
    {
        byte[] ciphertext = Encrypt(new byte[100], AuthData, 4);
        Hex(xy).CopyTo(ciphertext, 1);
        Assert.True(Decrypt(Receiver, ciphertext, AuthData) is null, what);
    }

    [Fact]
    [Trait("Threat", "T08")]
    public void Only_the_uncompressed_form_is_taken()
    {
        byte[] ciphertext = Encrypt(new byte[100], AuthData, 5);
        for (int prefix = 0; prefix <= 0xff; prefix++)
        {
            ciphertext[0] = (byte)prefix;
            Assert.Equal(prefix == 4, Decrypt(Receiver, ciphertext, AuthData) is not null);
        }
    }

    [Fact]
    [Trait("Threat", "T09")]
    public void Every_flipped_bit_fails()
    {
        byte[] ciphertext = Encrypt(new byte[50], AuthData, 6);
        Assert.NotNull(Decrypt(Receiver, ciphertext, AuthData));
        for (int bit = 0; bit < ciphertext.Length * 8; bit++)
        {
            ciphertext[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(Decrypt(Receiver, ciphertext, AuthData) is null, $"bit {bit}");
            ciphertext[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    [Trait("Threat", "T09")]
    public void Failure_writes_nothing()
    {
        byte[] ciphertext = Encrypt(new byte[50], AuthData, 7);
        ciphertext[^1] ^= 1;
        var plaintext = new byte[50];
        plaintext.AsSpan().Fill(0xaa);
        Assert.False(Ecies.TryDecrypt(Receiver, ciphertext, AuthData, plaintext, out int written));
        Assert.Equal(0, written);
        Assert.All(plaintext, b => Assert.Equal(0xaa, b));
    }

    [Fact]
    [Trait("Threat", "T10")]
    public void Every_truncation_of_a_valid_message_fails()
    {
        byte[] ciphertext = Encrypt(new byte[2100 - Ecies.Overhead], AuthData, 8);
        Assert.Equal(2100, ciphertext.Length);
        for (int length = 0; length < ciphertext.Length; length++)
        {
            Assert.True(Decrypt(Receiver, ciphertext.AsSpan(0, length), AuthData) is null, $"length {length}");
        }

        Assert.NotNull(Decrypt(Receiver, ciphertext, AuthData));
    }

    [Fact]
    [Trait("Threat", "T10")]
    public void Every_length_of_noise_fails_with_and_without_a_valid_key()
    {
        var noise = new byte[2100];
        new SeededRandomSource(9).Fill(noise);
        byte[] withKey = [4, .. Receiver.PublicKey.Bytes, .. noise];
        for (int length = 0; length <= noise.Length; length++)
        {
            Assert.True(Decrypt(Receiver, noise.AsSpan(0, length), AuthData) is null, $"length {length}");
            Assert.True(Decrypt(Receiver, withKey.AsSpan(0, length), AuthData) is null, $"length {length}");
        }
    }

    [Fact]
    public void Own_mistakes_throw()
    {
        byte[] ciphertext = Encrypt(new byte[10], [], 10);
        Assert.Throws<ArgumentException>("plaintext", () => Ecies.TryDecrypt(Receiver, ciphertext, [], new byte[9], out _));
        Assert.Throws<ArgumentException>(
            "ciphertext", () => Ecies.Encrypt(Receiver.PublicKey, new byte[10], [], RandomSource.System, new byte[10 + Ecies.Overhead + 1]));
    }

    private static byte[] Encrypt(byte[] plaintext, byte[] authData, int seed)
    {
        var ciphertext = new byte[plaintext.Length + Ecies.Overhead];
        Ecies.Encrypt(Receiver.PublicKey, plaintext, authData, new SeededRandomSource(seed), ciphertext);
        return ciphertext;
    }

    private static byte[]? Decrypt(PrivateKey key, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> authData)
    {
        var plaintext = new byte[Math.Max(0, ciphertext.Length - Ecies.Overhead)];
        return Ecies.TryDecrypt(key, ciphertext, authData, plaintext, out int written) ? plaintext[..written] : null;
    }
}
