using System.Buffers.Binary;
using DevP2P.Crypto;
using DevP2P.NetUtil;

namespace DevP2P.Discovery.Core;

/// <summary>
/// Allowances for addresses (of IPv6 the /64), of fixed size: addresses share its places at random, by a secret. Two busy ones in
/// one place share one allowance: rare, and nobody can bring it about on purpose. Allocates nothing; not safe for concurrent calls.
/// </summary>
/// <param name="burst">How many an address may take at once.</param>
/// <param name="rate">How many a second in the long run.</param>
/// <param name="places">How many places there are.</param>
/// <param name="random">Makes the secret.</param>
internal sealed class AddressLimiter(int burst, int rate, int places, RandomSource random)
{
    /// <summary>How much more loopback may take: there, many nodes share one address.</summary>
    public const int LoopbackFactor = 256;

    private readonly Allowance[] _allowances = new Allowance[places];
    private readonly ulong _secret = MakeSecret(random);

    /// <summary>Takes one of an address's allowance.</summary>
    /// <returns>False if there is none left.</returns>
    public bool TryTake(TimeSpan now, in CompactEndPoint from)
    {
        int factor = from.IsLoopback ? LoopbackFactor : 1;
        ref Allowance allowance = ref _allowances[Mix(_secret ^ from.Network) % (uint)_allowances.Length];
        // What has been used, and has not yet been forgotten.
        double used = Math.Max(0, allowance.Used - ((now - allowance.At).TotalSeconds * rate * factor));
        bool isAllowed = used + 1 <= burst * factor;
        allowance = new Allowance(now, isAllowed ? used + 1 : used);
        return isAllowed;
    }

    /// <summary>The finalizer of SplitMix64: each bit of the result depends on each of the input.</summary>
    internal static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }

    internal static ulong MakeSecret(RandomSource random)
    {
        Span<byte> secret = stackalloc byte[sizeof(ulong)];
        random.Fill(secret);
        return BinaryPrimitives.ReadUInt64LittleEndian(secret);
    }

    private readonly record struct Allowance(TimeSpan At, double Used);
}
