using CsCheck;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Nodes;

public class NodeIdTests
{
    [Fact]
    public void Ids_survive_the_round_trip_and_order_as_numbers()
    {
        Gen.Select(Gen.Byte.Array[32], Gen.Byte.Array[32]).Sample((first, second) =>
        {
            var a = new NodeId(first);
            var b = new NodeId(second);
            Assert.Equal(first, a.ToArray());
            Assert.Equal(a, NodeId.Parse(a.ToString()));
            Assert.Equal(a, NodeId.Parse("0x" + a.ToString().ToUpperInvariant()));
            Assert.Equal(Math.Sign(first.AsSpan().SequenceCompareTo(second)), Math.Sign(a.CompareTo(b)));
            Assert.Equal(a == b, first.AsSpan().SequenceEqual(second));
        });
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData("00")]
    [InlineData("g000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("00000000000000000000000000000000000000000000000000000000000000000")]
    public void What_is_no_id_is_refused(string? text)
    {
        Assert.False(NodeId.TryParse(text, out NodeId id));
        Assert.Equal(default, id);
    }
}
