using CsCheck;
using DevP2P.Crypto;
using Xunit;

namespace DevP2P.Tests.Crypto;

/// <summary>Four hashes at a time are the same as one after the other.</summary>
public class KeccakFourTests
{
    [Fact]
    public void It_runs_where_it_can() => Assert.Equal(System.Runtime.Intrinsics.X86.Avx2.IsSupported, KeccakPermutation4.IsSupported);

    [Fact]
    public void The_permutation_equals_that_of_each()
    {
        if (!KeccakPermutation4.IsSupported)
        {
            return;
        }

        var random = new Random(1);
        var one = new KeccakState[4];
        KeccakState4 four = default;
        for (int i = 0; i < 25; i++)
        {
            for (int k = 0; k < 4; k++)
            {
                one[k][i] = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            }

            four[i] = System.Runtime.Intrinsics.Vector256.Create(one[0][i], one[1][i], one[2][i], one[3][i]);
        }

        for (int round = 0; round < 3; round++)
        {
            KeccakPermutation4.Permute(ref four);
            for (int k = 0; k < 4; k++)
            {
                KeccakPermutation.PermuteScalar(ref one[k]);
                Assert.Equal(((ReadOnlySpan<ulong>)one[k]).ToArray(), Enumerable.Range(0, 25).Select(i => four[i][k]));
            }
        }
    }

    // Each may be at another place in its block, and have had another past.
    [Fact]
    public void Appending_and_digests_equal_those_of_each() =>
        Gen.Select(Gen.Byte.Array[0, 300].Array[4], Gen.Int[0, 700].Array[0, 4], Gen.Int).Sample((pasts, lengths, seed) =>
        {
            var random = new Random(seed);
            Keccak256[] four = [.. pasts.Select(Hash)];
            Keccak256[] each = [.. four];
            foreach (int length in lengths)
            {
                byte[][] data = [.. Enumerable.Range(0, 4).Select(_ => Bytes(random, length))];
                Keccak256.AppendFour(ref four[0], ref four[1], ref four[2], ref four[3], data[0], data[1], data[2], data[3]);
                for (int i = 0; i < 4; i++)
                {
                    each[i].Append(data[i]);
                }
            }

            byte[][] digests = [.. Enumerable.Range(0, 4).Select(_ => new byte[32])];
            Keccak256.GetDigestFour(four[0], four[1], four[2], four[3], digests[0], digests[1], digests[2], digests[3]);
            for (int i = 0; i < 4; i++)
            {
                Assert.Equal(Digest(each[i]), digests[i]);
                // The states go on as well as before.
                Assert.Equal(Digest(each[i]), Digest(four[i]));
            }
        });

    private static Keccak256 Hash(byte[] past)
    {
        Keccak256 hash = default;
        hash.Append(past);
        return hash;
    }

    private static byte[] Digest(Keccak256 hash)
    {
        byte[] digest = new byte[32];
        hash.GetDigest(digest);
        return digest;
    }

    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
