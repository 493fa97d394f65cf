using System.Numerics;

namespace DevP2P.Tests.Crypto;

/// <summary>Keccak-f[1600] written down as in FIPS 202, section 3.2, with nothing unrolled: what the fast forms must equal.</summary>
internal static class PlainKeccak
{
    public static void Permute(Span<ulong> a)
    {
        // Round constants come from the linear feedback shift register of algorithm 5.
        byte lfsr = 1;
        for (int round = 0; round < 24; round++)
        {
            var c = new ulong[5];
            for (int x = 0; x < 5; x++)
            {
                c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
            }

            for (int i = 0; i < 25; i++)
            {
                a[i] ^= c[(i + 4) % 5] ^ BitOperations.RotateLeft(c[(i + 1) % 5], 1);
            }

            var b = new ulong[25];
            b[0] = a[0];
            for (int t = 0, x = 1, y = 0; t < 24; t++)
            {
                int nextY = ((2 * x) + (3 * y)) % 5;
                b[y + (5 * nextY)] = BitOperations.RotateLeft(a[x + (5 * y)], (t + 1) * (t + 2) / 2);
                (x, y) = (y, nextY);
            }

            for (int i = 0; i < 25; i++)
            {
                int row = i - (i % 5);
                a[i] = b[i] ^ (~b[row + ((i + 1) % 5)] & b[row + ((i + 2) % 5)]);
            }

            for (int j = 0; j <= 6; j++)
            {
                a[0] ^= (ulong)(lfsr & 1) << ((1 << j) - 1);
                lfsr = (byte)((lfsr << 1) ^ ((lfsr >> 7) * 0x71));
            }
        }
    }
}
