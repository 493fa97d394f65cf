using System.Net;
using System.Net.Sockets;
using System.Text;
using DevP2P.Nat;
using Xunit;

namespace DevP2P.Tests.Nat;

/// <summary>Linux's routing tables, whole and damaged.</summary>
public sealed class RouteTableTests
{
    private const string Header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
    private const string Zero = "00000000000000000000000000000000";

    [Fact]
    public void The_default_gateways_of_IPv4_the_best_first()
    {
        const string Table = Header
            + "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0   \n"
            + "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0   \n"
            + "eth0\t0000000A\t00000000\t0001\t0\t0\t100\t000000FF\t0\t0\t0   \n"
            + "eth0\t000010AC\tFE00000A\t0003\t0\t0\t100\t0000F0FF\t0\t0\t0   \n";

        Assert.Equal(
            [new Gateway(IPAddress.Parse("10.0.0.1"), "eth0", 100), new Gateway(IPAddress.Parse("192.168.1.1"), "wlan0", 600)],
            RouteTable.ReadIPv4(Native(Table)));
    }

    [Fact]
    public void The_default_gateways_of_IPv6_the_best_first()
    {
        const string Table =
            $"20010db8000000000000000000000000 40 {Zero} 00 {Zero} 00000100 00000001 00000000 00000001     eth0\n"
            + $"{Zero} 00 {Zero} 00 fe800000000000000000000000000001 00000400 00000003 00000000 00000003     eth0\n"
            + $"{Zero} 00 {Zero} 00 20010db8000000000000000000000001 00000100 00000003 00000000 00450003    wlan0\n"
            + $"{Zero} 00 {Zero} 00 fe800000000000000000000000000001 00000401 00000003 00000000 00000003    wlan0\n"
            + $"{Zero} 00 {Zero} 00 {Zero} ffffffff 00000001 00000000 00200200       lo\n";

        Assert.Equal(
            [
                new Gateway(IPAddress.Parse("2001:db8::1"), "wlan0", 0x100),
                new Gateway(IPAddress.Parse("fe80::1"), "eth0", 0x400),
                new Gateway(IPAddress.Parse("fe80::1"), "wlan0", 0x401),
            ],
            RouteTable.ReadIPv6(Table));
    }

    [Theory]
    [InlineData("eth0\t00000000\t0100000A\t0001\t0\t0\t0\t00000000\t0\t0\t0", "no gateway")]
    [InlineData("eth0\t00000000\t0100000A\t0002\t0\t0\t0\t00000000\t0\t0\t0", "down")]
    [InlineData("eth0\t00000000\t0100000A\t0203\t0\t0\t0\t00000000\t0\t0\t0", "rejected")]
    [InlineData("eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000080\t0\t0\t0", "half of the internet")]
    [InlineData("eth0\t00000001\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0", "another destination")]
    [InlineData("eth0\t00000000\t00000000\t0003\t0\t0\t0\t00000000\t0\t0\t0", "no address")]
    [InlineData("eth0\t00000000\t0100000A\t0003\t0\t0\t0", "cut off")]
    [InlineData("\t00000000\t0100000A\t0003\t0\t0\t0\t00000000", "a field is missing")]
    [InlineData("eth0\t00000000\t010000000A\t0003\t0\t0\t0\t00000000\t0\t0\t0", "too long")]
    [InlineData("eth0\t00000000\tG100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0", "no number")]
    [InlineData("eth0\t00000000\t0100000A\t0003\t0\t0\t-1\t00000000\t0\t0\t0", "a negative metric")]
    [InlineData("", "empty")]
    [InlineData(" \n\t\n\r\n", "blank")]
    public void Not_a_default_gateway_of_IPv4(string line, string why) =>
        Assert.True(RouteTable.ReadIPv4(Header + line).Count == 0, why);

    [Theory]
    [InlineData($"{Zero} 00 {Zero} 00 fe800000000000000000000000000001 00000400 0 0 00000001 eth0", "no gateway")]
    [InlineData($"{Zero} 00 {Zero} 00 {Zero} 00000400 0 0 00000003 eth0", "no address")]
    [InlineData($"{Zero} 01 {Zero} 00 fe800000000000000000000000000001 00000400 0 0 00000003 eth0", "another destination")]
    [InlineData($"{Zero} 00 {Zero} 40 fe800000000000000000000000000001 00000400 0 0 00000003 eth0", "from a source only")]
    [InlineData($"{Zero} 00 {Zero} 00 fe8000000000000000000000000001 00000400 0 0 00000003 eth0", "too short")]
    [InlineData($"{Zero} 00 {Zero} 00 fe80000000000000000000000000000100 00000400 0 0 00000003 eth0", "too long")]
    [InlineData($"{Zero} 00 {Zero} 00 fe80000000000000000000000000000g 00000400 0 0 00000003 eth0", "no number")]
    [InlineData($"{Zero} 00 {Zero} 00 fe800000000000000000000000000001 00000400 0 0 00000003", "cut off")]
    [InlineData("", "empty")]
    public void Not_a_default_gateway_of_IPv6(string line, string why) => Assert.True(RouteTable.ReadIPv6(line).Count == 0, why);

    [Fact]
    public void Two_ways_to_one_router_are_one() => Assert.Equal(
        [new Gateway(IPAddress.Parse("10.0.0.1"), "eth1", 1)],
        RouteTable.ReadIPv4(Native("eth0\t00000000\t0100000A\t0003\t0\t0\t2\t00000000\neth1\t00000000\t0100000A\t0003\t0\t0\t1\t00000000\n")));

    [Fact]
    public void A_table_without_end_yields_few_gateways()
    {
        var table = new StringBuilder(Header);
        for (int i = 1; i <= 20_000; i++)
        {
            table.Append(System.Globalization.CultureInfo.InvariantCulture, $"eth0\t00000000\t{i:X8}\t0003\t0\t0\t{20_000 - i}\t00000000\t0\t0\t0\n");
        }

        IReadOnlyList<Gateway> found = RouteTable.ReadIPv4(table.ToString());

        Assert.Equal(RouteTable.MaxGateways, found.Count);
        Assert.Equal(0u, found[0].Metric);
    }

    [Fact]
    public void This_machine_is_asked_without_a_fault()
    {
        foreach (AddressFamily family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            Assert.All(Gateways.Find(family), gateway =>
            {
                Assert.Equal(family, gateway.Address.AddressFamily);
                Assert.True(gateway.Link.Length > 0);
            });
        }

        if (Gateways.Find(AddressFamily.InterNetwork) is [var best, ..])
        {
            Assert.Contains(best.Address, Gateways.FindByInterfaces(AddressFamily.InterNetwork).Select(gateway => gateway.Address));
            Assert.NotNull(Gateways.LocalAddressToward(best.Address));
        }

        Assert.Equal(IPAddress.Loopback, Gateways.LocalAddressToward(IPAddress.Loopback));
    }

    /// <summary>The kernel writes addresses as the machine has them in memory.</summary>
    private static string Native(string table)
    {
        Assert.SkipUnless(BitConverter.IsLittleEndian, "the table is of a little-endian machine");
        return table;
    }
}
