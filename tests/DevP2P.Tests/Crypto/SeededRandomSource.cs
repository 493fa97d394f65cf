using DevP2P.Crypto;

namespace DevP2P.Tests.Crypto;

/// <summary>Randomness that a test can repeat.</summary>
internal sealed class SeededRandomSource(int seed) : RandomSource
{
    private readonly Random _random = new(seed);

    public override void Fill(Span<byte> destination) => _random.NextBytes(destination);
}
