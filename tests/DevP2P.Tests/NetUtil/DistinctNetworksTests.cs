using System.Net;
using CsCheck;
using DevP2P.NetUtil;
using Xunit;

namespace DevP2P.Tests.NetUtil;

[Trait("Threat", "T01")]
public sealed class DistinctNetworksTests
{
    [Theory]
    [InlineData("8.8.8.0", "8.8.8.255", "8.8.9.0")]
    [InlineData("2a00:1:2:3::1", "2a00:1:2:3:ffff::", "2a00:1:2:4::1")]
    [InlineData("::ffff:8.8.8.1", "8.8.8.2", "8.8.7.1")]
    public void A_bucket_takes_two_of_one_24_or_64(string first, string second, string elsewhere)
    {
        var set = DistinctNetworks.ForBucket();
        Assert.True(set.TryAdd(IPAddress.Parse(first)));
        Assert.True(set.TryAdd(IPAddress.Parse(second)));
        Assert.False(set.TryAdd(IPAddress.Parse(first)));
        Assert.True(set.TryAdd(IPAddress.Parse(elsewhere)));
        Assert.Equal(3, set.Count);
        Assert.Equal(2, set.CountNear(IPAddress.Parse(second)));
    }

    [Theory]
    [InlineData("8.8.8.{0}", "8.8.9.1")]
    [InlineData("2a00:1:2:{0}::1", "2a00:1:3::1")]
    public void A_table_takes_ten_of_one_24_or_48(string format, string elsewhere)
    {
        var set = DistinctNetworks.ForTable();
        int accepted = Enumerable.Range(0, 50).Count(i => set.TryAdd(IPAddress.Parse(format.Replace("{0}", $"{i}"))));
        Assert.Equal(10, accepted);
        Assert.True(set.TryAdd(IPAddress.Parse(elsewhere)));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.1.2.3")]
    [InlineData("172.16.0.1")]
    [InlineData("192.168.1.1")]
    [InlineData("169.254.1.1")]
    [InlineData("::1")]
    [InlineData("fe80::1")]
    [InlineData("fd00::1")]
    [InlineData("::ffff:10.0.0.1")]
    public void The_LAN_is_neither_counted_nor_limited(string text)
    {
        var address = IPAddress.Parse(text);
        var set = DistinctNetworks.ForBucket();
        Assert.All(Enumerable.Range(0, 20), _ => Assert.True(set.TryAdd(address)));
        Assert.False(set.Contains(address));
        set.Remove(address);
        Assert.Equal(0, set.Count);
    }

    [Fact]
    public void Networks_of_IPv4_and_IPv6_are_never_the_same()
    {
        // Its first 64 bits are the number of 1.2.3.0/24.
        var set = new DistinctNetworks(1, 64);
        Assert.True(set.TryAdd(IPAddress.Parse("0:0:1:203::1")));
        Assert.True(set.TryAdd(IPAddress.Parse("1.2.3.4")));
    }

    [Theory]
    [InlineData(0, 48)]
    [InlineData(256, 48)]
    [InlineData(1, 0)]
    [InlineData(1, 65)]
    public void Impossible_limits_are_refused(int limit, int prefixLength) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DistinctNetworks(limit, prefixLength));

    [Fact]
    public void Any_history_counts_as_a_dictionary_does() =>
        Gen.Select(Gen.Int[0, 11], Gen.Byte, Gen.Bool).Array[0, 200].Sample(history =>
        {
            var set = new DistinctNetworks(3, 48);
            var model = new Dictionary<int, int>();
            foreach ((int network, byte host, bool isAdd) in history)
            {
                int count = model.GetValueOrDefault(network);
                IPAddress address = network < 6 ? new IPAddress([20, 1, (byte)network, host]) : IPAddress.Parse($"2a00:1:{network}:{host}::1");
                if (isAdd)
                {
                    Assert.Equal(count < 3, set.TryAdd(address));
                    model[network] = Math.Min(count + 1, 3);
                }
                else
                {
                    set.Remove(address);
                    model[network] = Math.Max(count - 1, 0);
                }

                Assert.Equal(model[network], set.CountNear(address));
                Assert.Equal(model[network] > 0, set.Contains(address));
                Assert.Equal(model.Values.Sum(), set.Count);
            }
        });
}
