using CsCheck;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.Core;

public sealed class DistanceTests
{
    /// <summary>Ids that often share a long prefix.</summary>
    private static readonly Gen<NodeId> Ids =
        Gen.Select(Gen.Int[0, 32], Gen.Byte.Array[32]).Select((shared, bytes) =>
        {
            bytes.AsSpan(0, shared).Fill(0xA5);
            return new NodeId(bytes);
        });

    [Fact]
    public void The_logarithm_is_the_length_of_the_difference() =>
        Gen.Select(Ids, Ids).Sample((a, b) => Assert.Equal((int)TableNodes.Xor(a, b).GetBitLength(), Distance.Log(a, b)));

    [Fact]
    public void The_order_is_that_of_the_numbers() =>
        Gen.Select(Ids, Ids, Ids).Sample((target, a, b) =>
        {
            Assert.Equal(
                Math.Sign(TableNodes.Xor(target, a).CompareTo(TableNodes.Xor(target, b))),
                Math.Sign(Distance.Compare(target, a, b)));
            Assert.Equal(TableNodes.Xor(target, a) >> 192, Distance.Leading(target, a));
        });

    [Fact]
    public void Extremes()
    {
        var zero = new NodeId(new byte[32]);
        Assert.Equal(0, Distance.Log(zero, zero));
        Assert.Equal(1, Distance.Log(zero, TableNodes.NextTo(zero)));
        Assert.Equal(256, Distance.Log(zero, NodeId.Parse("80" + new string('0', 62))));
        Assert.Equal(0, Distance.Compare(TableNodes.IdOf(1), zero, zero));
    }
}
