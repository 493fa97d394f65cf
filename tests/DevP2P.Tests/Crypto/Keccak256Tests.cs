using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using DevP2P.Crypto;
using Org.BouncyCastle.Crypto.Digests;
using Xunit;

namespace DevP2P.Tests.Crypto;

public class Keccak256Tests
{
    [Theory]
    [InlineData("", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")]
    [InlineData("abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "45d3b367a6904e6e8d502ee04999a7c27647f91fa845d456525fd352ae3d7371")]
    [InlineData(
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        "f519747ed599024f3882238e5ab43960132572b7345fbeb9a90769dafd21ad67")]
    public void Known_vectors(string text, string digest) => Assert.Equal(digest, Hash(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void A_million_times_a() =>
        Assert.Equal("fadae6b49f129bbb812be8407b7b2894f34aecf6dbd1f9b0f0c7e9853098fc96", Hash([.. Enumerable.Repeat((byte)'a', 1_000_000)]));

    [Fact]
    public void Every_length_around_the_block_size_equals_another_implementation()
    {
        byte[] data = Bytes(3 * Keccak256.Rate, seed: 1);
        for (int length = 0; length <= data.Length; length++)
        {
            Assert.Equal(Reference(data.AsSpan(0, length)), Hash(data.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Any_split_of_the_input_gives_the_same_digest() =>
        Gen.Select(Gen.Byte.Array[0, 600], Gen.Int[0, 150].Array[0, 12]).Sample((data, cuts) =>
        {
            var hash = default(Keccak256);
            ReadOnlySpan<byte> rest = data;
            foreach (int cut in cuts)
            {
                int count = Math.Min(cut, rest.Length);
                hash.Append(rest[..count]);
                rest = rest[count..];
            }

            hash.Append(rest);
            Assert.Equal(Reference(data), Digest(hash));
        });

    [Fact]
    public void Two_parts_hash_as_one()
    {
        byte[] data = Bytes(200, seed: 2);
        var digest = new byte[32];
        Keccak256.Hash(data.AsSpan(0, 77), data.AsSpan(77), digest);
        Assert.Equal(Reference(data), Convert.ToHexStringLower(digest));
    }

    [Fact]
    public void A_digest_leaves_the_state_as_it_was()
    {
        byte[] data = Bytes(300, seed: 3);
        var hash = default(Keccak256);
        for (int i = 0; i < data.Length; i++)
        {
            Assert.Equal(Reference(data.AsSpan(0, i)), Digest(hash));
            hash.Append(data.AsSpan(i, 1));
        }
    }

    [Fact]
    public void Assignment_clones()
    {
        var first = default(Keccak256);
        first.Append("same start, "u8);
        Keccak256 second = first;
        first.Append("one end"u8);
        second.Append("another end"u8);
        Assert.Equal(Reference("same start, one end"u8), Digest(first));
        Assert.Equal(Reference("same start, another end"u8), Digest(second));
    }

    [Fact]
    public void A_digest_goes_to_the_first_32_bytes_of_its_destination()
    {
        var destination = new byte[34];
        destination.AsSpan().Fill(0xaa);
        Keccak256.Hash([], destination);
        Assert.Equal("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470aaaa", Convert.ToHexStringLower(destination));
        Assert.Throws<ArgumentOutOfRangeException>(() => Keccak256.Hash([], new byte[31]));
    }

    [Fact]
    public void Both_permutations_equal_the_plain_one()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            byte[] start = seed == 0 ? new byte[200] : Bytes(200, seed);
            ulong[] plain = MemoryMarshal.Cast<byte, ulong>(start).ToArray();
            PlainKeccak.Permute(plain);
            Assert.Equal(plain, Permute(start, KeccakPermutation.PermuteScalar));
            Assert.Equal(plain, Permute(start, KeccakPermutation.Permute));
        }
    }

    private delegate void Permutation(ref KeccakState state);

    private static ulong[] Permute(ReadOnlySpan<byte> start, Permutation permutation)
    {
        var state = MemoryMarshal.Read<KeccakState>(start);
        permutation(ref state);
        return ((ReadOnlySpan<ulong>)state).ToArray();
    }

    private static string Hash(ReadOnlySpan<byte> data)
    {
        var digest = new byte[32];
        Keccak256.Hash(data, digest);
        return Convert.ToHexStringLower(digest);
    }

    private static string Digest(in Keccak256 hash)
    {
        var digest = new byte[32];
        hash.GetDigest(digest);
        return Convert.ToHexStringLower(digest);
    }

    private static string Reference(ReadOnlySpan<byte> data)
    {
        var keccak = new KeccakDigest(256);
        keccak.BlockUpdate(data);
        var digest = new byte[32];
        keccak.DoFinal(digest);
        return Convert.ToHexStringLower(digest);
    }

    private static byte[] Bytes(int count, int seed)
    {
        var bytes = new byte[count];
        new SeededRandomSource(seed).Fill(bytes);
        return bytes;
    }
}
