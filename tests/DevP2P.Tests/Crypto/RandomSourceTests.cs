using DevP2P.Crypto;
using Xunit;

namespace DevP2P.Tests.Crypto;

public class RandomSourceTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(int.MaxValue)]
    public void Next_stays_below_its_bound(int bound)
    {
        var random = new SeededRandomSource(1);
        for (int i = 0; i < 1000; i++)
        {
            Assert.InRange(random.Next(bound), 0, bound - 1);
        }
    }

    [Fact]
    public void Next_reaches_every_value()
    {
        var random = new SeededRandomSource(2);
        Assert.Equal(Enumerable.Range(0, 10), Enumerable.Range(0, 1000).Select(_ => random.Next(10)).Distinct().Order());
    }

    [Fact]
    public void Next_throws_away_what_would_favour_small_values()
    {
        // Of 2^32 values the last 2^32 mod 3 = 1 is one too many for three equal shares.
        var random = new FixedSource([0xff, 0xff, 0xff, 0xff, 4, 0, 0, 0]);
        Assert.Equal(1, random.Next(3));
        Assert.True(random.IsUsedUp);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void Next_needs_a_positive_bound(int bound) => Assert.Throws<ArgumentOutOfRangeException>(() => RandomSource.System.Next(bound));

    [Fact]
    public void The_systems_source_fills()
    {
        byte[] first = new byte[32], second = new byte[32];
        RandomSource.System.Fill(first);
        RandomSource.System.Fill(second);
        Assert.NotEqual(first, second);
    }

    private sealed class FixedSource(byte[] bytes) : RandomSource
    {
        private int _used;

        public bool IsUsedUp => _used == bytes.Length;

        public override void Fill(Span<byte> destination)
        {
            bytes.AsSpan(_used, destination.Length).CopyTo(destination);
            _used += destination.Length;
        }
    }
}
