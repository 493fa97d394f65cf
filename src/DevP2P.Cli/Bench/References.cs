using DevP2P.Crypto;

namespace DevP2P.Cli.Bench;

/// <summary>What a measurement is compared with: two primitives whose cost no node can avoid, in CPU time of this process, now.</summary>
/// <param name="Keccak">Microseconds for one permutation Keccak-f[1600].</param>
/// <param name="Ecdh">Microseconds for one key agreement on secp256k1.</param>
internal sealed record References(double Keccak, double Ecdh)
{
    private static readonly TimeSpan s_time = TimeSpan.FromMilliseconds(100);

    /// <summary>Measures both for a tenth of a second each.</summary>
    public static References Measure()
    {
        KeccakState state = default;
        var key = PrivateKey.Generate();
        byte[] other = PrivateKey.Generate().PublicKey.Bytes.ToArray();
        byte[] secret = new byte[32];
        return new References(
            Measure(1000, () => KeccakPermutation.Permute(ref state)),
            Measure(10, () => Secp256k1.Instance.TryEcdh(key.Bytes, other, secret)));
    }

    /// <summary>The mean of two measurements: before and after what is compared with them, for a shared machine is not always equally fast.</summary>
    public static References Mean(References before, References after) => new((before.Keccak + after.Keccak) / 2, (before.Ecdh + after.Ecdh) / 2);

    private static double Measure(int step, Action action)
    {
        // The first round is for the compiler.
        double microseconds = 0;
        for (int round = 0; round < 2; round++)
        {
            TimeSpan start = Environment.CpuUsage.TotalTime;
            long count = 0;
            TimeSpan used;
            do
            {
                for (int i = 0; i < step; i++)
                {
                    action();
                }

                count += step;
                used = Environment.CpuUsage.TotalTime - start;
            }
            while (used < s_time);
            microseconds = used.TotalMicroseconds / count;
        }

        return microseconds;
    }
}
