using System.Security.Cryptography;
using CsCheck;
using DevP2P.Crypto;
using Xunit;

namespace DevP2P.Tests.Crypto;

/// <summary>Every test runs both paths where the processor has AES instructions, else the portable one.</summary>
public class AesTests
{
    // NIST SP 800-38A, F.5: the plaintext and the first counter block of all CTR examples.
    private const string Plaintext =
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

    private const string FirstCounter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

    public static TheoryData<bool> Paths => AesBlock.IsHardwareSupported ? [true, false] : [false];

    // FIPS 197, appendix C.
    [Theory]
    [InlineData(16, "69c4e0d86a7b0430d8cdb78070b4c55a")]
    [InlineData(24, "dda97ca4864cdfe06eaf70a0ec0d7191")]
    [InlineData(32, "8ea2b7ca516745bfeafc49904b496089")]
    public void Fips_197_vectors(int keySize, string expected)
    {
        byte[] key = [.. Enumerable.Range(0, keySize).Select(i => (byte)i)];
        foreach (bool hardware in Paths)
        {
            byte[] block = Convert.FromHexString("00112233445566778899aabbccddeeff");
            var result = new byte[16];
            var aes = new AesBlock(key, hardware);
            aes.Encrypt(block, result);
            Assert.Equal(expected, Convert.ToHexStringLower(result));

            aes.Encrypt(block, block);
            Assert.Equal(result, block);
        }
    }

    // NIST SP 800-38A, F.5.1, F.5.3, F.5.5, and decryption (F.5.2, F.5.4, F.5.6), which is the same operation.
    [Theory]
    [InlineData(
        "2b7e151628aed2a6abf7158809cf4f3c",
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee")]
    [InlineData(
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e941e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050")]
    [InlineData(
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6")]
    public void Nist_ctr_vectors(string key, string expected)
    {
        foreach (bool hardware in Paths)
        {
            byte[] data = Convert.FromHexString(Plaintext);
            new AesCtr(Convert.FromHexString(key), Convert.FromHexString(FirstCounter), hardware).Process(data);
            Assert.Equal(expected, Convert.ToHexStringLower(data));

            new AesCtr(Convert.FromHexString(key), Convert.FromHexString(FirstCounter), hardware).Process(data);
            Assert.Equal(Plaintext, Convert.ToHexStringLower(data));
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Every_number_of_blocks_equals_the_platforms_ecb(bool hardware) =>
        Gen.Select(Gen.Int[2, 4].SelectMany(n => Gen.Byte.Array[n * 8]), Gen.Int[0, 70].SelectMany(n => Gen.Byte.Array[n * 16])).Sample(
            (key, blocks) =>
            {
                using var platform = Aes.Create();
                platform.Key = key;
                byte[] expected = platform.EncryptEcb(blocks, PaddingMode.None);
                new AesBlock(key, hardware).EncryptBlocks(blocks);
                Assert.Equal(expected, blocks);
            });

    [Theory]
    [MemberData(nameof(Paths))]
    public void Any_split_of_the_data_gives_the_same_stream(bool hardware) =>
        Gen.Select(Gen.Byte.Array[32], Gen.Byte.Array[16], Gen.Byte.Array[0, 2500], Gen.Int[0, 700].Array[0, 12]).Sample((key, counter, data, cuts) =>
        {
            byte[] expected = [.. data];
            Reference(key, counter, expected);
            var ctr = new AesCtr(key, counter, hardware);
            Span<byte> rest = data;
            foreach (int cut in cuts)
            {
                int count = Math.Min(cut, rest.Length);
                ctr.Process(rest[..count]);
                rest = rest[count..];
            }

            ctr.Process(rest);
            Assert.Equal(expected, data);
        });

    [Theory]
    [MemberData(nameof(Paths))]
    public void One_byte_at_a_time(bool hardware)
    {
        byte[] key = new byte[16], counter = new byte[16], data = new byte[100], expected = new byte[100];
        Reference(key, counter, expected);
        var ctr = new AesCtr(key, counter, hardware);
        for (int i = 0; i < data.Length; i++)
        {
            ctr.Process(data.AsSpan(i, 1));
        }

        Assert.Equal(expected, data);
    }

    [Theory]
    [InlineData("000000000000000000000000000000fe")]
    [InlineData("0000000000000000fffffffffffffffd")]
    [InlineData("0000000000000000fffffffffffffff7")]
    [InlineData("0000000000000000fffffffffffffff8")]
    [InlineData("0000000000000000ffffffffffffffec")]
    [InlineData("00000000ffffffffffffffffffffffff")]
    [InlineData("fffffffffffffffffffffffffffffffd")]
    [InlineData("ffffffffffffffffffffffffffffffff")]
    public void The_counter_carries_through_all_128_bits(string initialCounter)
    {
        byte[] counter = Convert.FromHexString(initialCounter);
        var key = new byte[16];
        byte[] expected = new byte[40 * 16];
        Reference(key, counter, expected);
        foreach (bool hardware in Paths)
        {
            var data = new byte[expected.Length];
            new AesCtr(key, counter, hardware).Process(data);
            Assert.Equal(expected, data);
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Misuse_is_named(bool hardware)
    {
        Assert.Throws<ArgumentException>("key", () => new AesBlock(new byte[15], hardware));
        Assert.Throws<ArgumentException>("initialCounter", () => new AesCtr(new byte[16], new byte[15], hardware));
        var aes = new AesBlock(new byte[16], hardware);
        Assert.Throws<ArgumentException>("blocks", () => aes.EncryptBlocks(new byte[17]));
        Assert.Throws<ArgumentOutOfRangeException>(() => aes.Encrypt(new byte[15], new byte[16]));
        Assert.Throws<ArgumentOutOfRangeException>(() => aes.Encrypt(new byte[16], new byte[15]));
    }

    /// <summary>Counter mode by its definition, one block at a time.</summary>
    private static void Reference(byte[] key, byte[] initialCounter, Span<byte> data)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        byte[] counter = [.. initialCounter];
        for (int start = 0; start < data.Length; start += 16)
        {
            byte[] stream = aes.EncryptEcb(counter, PaddingMode.None);
            for (int i = start; i < Math.Min(start + 16, data.Length); i++)
            {
                data[i] ^= stream[i - start];
            }

            for (int j = 15; j >= 0 && ++counter[j] == 0; j--)
            {
            }
        }
    }
}
