using System.Net;
using System.Text.Json;
using DevP2P.Cli.Doctor;
using Xunit;

namespace DevP2P.Tests.Cli;

/// <summary>What <c>devp2p doctor</c> makes of what it has found out.</summary>
public sealed class DiagnosisTests
{
    private static readonly DoctorFacts AtHome = new()
    {
        Port = 30303,
        Addresses = [new("eth0", "192.168.1.2", AddressKind.Private)],
        Gateways = [new("192.168.1.1", "eth0")],
        Ports = [new("tcp", "[::]:30303", null, null), new("udp", "[::]:30303", null, null)],
        Methods = [new("upnp", "44.128.0.1", AddressKind.Public, null, 12), new("pcp", null, null, "the gateway does not answer pcp", 9900)],
        Mappings = [new("upnp", "tcp", 30303, null, null), new("upnp", "udp", 30303, true, null)],
        Stun = new("stun.example:3478", "44.128.0.1", "endpointIndependent", "addressAndPortDependent", null, 30),
        Clock = new("time.example", 0.013, null),
        Bootnodes = [new("enode://x", 20, "44.128.0.1:30303"), new("enode://y", null, null)],
    };

    [Fact]
    public void All_is_well_behind_a_router_that_maps()
    {
        Assert.DoesNotContain(Diagnosis.Explain(AtHome), static f => f.Severity == Severity.Problem);
        Assert.Contains("12 ms", Find(AtHome, "upnp").Text, StringComparison.Ordinal);
        Assert.Equal(Severity.Note, Find(AtHome, "pcp").Severity);
        Assert.StartsWith("port-restricted cone", Find(AtHome, "NAT type").Text, StringComparison.Ordinal);
        Assert.StartsWith("1 of 2 answer", Find(AtHome, "bootnodes").Text, StringComparison.Ordinal);
    }

    [Fact]
    public void No_network_and_no_gateway()
    {
        DoctorFacts facts = AtHome with { Addresses = [], Gateways = [] };

        Assert.Equal(Severity.Problem, Find(facts, "addresses").Severity);
        Assert.Equal(Severity.Problem, Find(facts, "gateway").Severity);
    }

    [Fact]
    public void Carrier_grade_nat()
    {
        Finding finding = Find(AtHome with { Methods = [new("upnp", "100.64.3.4", AddressKind.Shared, null, 12)] }, "CGNAT");

        Assert.Equal(Severity.Problem, finding.Severity);
        Assert.Contains("carrier-grade NAT", finding.Text, StringComparison.Ordinal);
        Assert.NotNull(finding.Advice);
    }

    [Theory]
    [InlineData("10.0.0.7", AddressKind.Private, "10.0.0.7")]
    [InlineData("44.128.0.9", AddressKind.Public, "44.128.0.9")]
    public void Double_nat_by_a_private_address_or_by_what_others_see(string told, string kind, string named)
    {
        Finding finding = Find(AtHome with { Methods = [new("pmp", told, kind, null, 12)] }, "double NAT");

        Assert.Equal(Severity.Problem, finding.Severity);
        Assert.Contains(named, finding.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_symmetric_nat_is_a_problem_and_no_nat_is_none()
    {
        StunFact stun = AtHome.Stun! with { Mapping = "addressAndPortDependent" };
        Assert.Equal(Severity.Problem, Find(AtHome with { Stun = stun }, "NAT type").Severity);

        DoctorFacts open = AtHome with { Addresses = [new("eth0", "44.128.0.1", AddressKind.Public)] };
        Assert.StartsWith("none, but a firewall", Find(open, "NAT type").Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_any_method_it_says_how_to_do_it_by_hand_unless_the_address_is_public()
    {
        DoctorFacts facts = AtHome with { Methods = [new("upnp", null, null, "no router answers", 3000)], Mappings = [] };
        Assert.Contains("--nat extip:", Find(facts, "mapping").Advice, StringComparison.Ordinal);

        Assert.DoesNotContain(Diagnosis.Explain(facts with { Addresses = [new("eth0", "44.128.0.1", AddressKind.Public)] }), static f => f.Topic == "mapping");
    }

    [Fact]
    public void A_mapping_that_nobody_gets_through_and_one_to_another_port()
    {
        Assert.Equal(Severity.Problem, Find(AtHome with { Mappings = [new("upnp", "udp", 30303, false, null)] }, "mapping").Severity);
        Assert.Contains("as port 40404", Find(AtHome with { Mappings = [new("upnp", "udp", 40404, true, null)] }, "mapping").Text, StringComparison.Ordinal);
        Assert.Equal(Severity.Problem, Find(AtHome with { Mappings = [new("upnp", "udp", 0, null, "refused")] }, "mapping").Severity);
    }

    [Theory]
    [InlineData(0.5, nameof(Severity.Good), "behind")]
    [InlineData(-3, nameof(Severity.Note), "ahead")]
    [InlineData(25, nameof(Severity.Problem), "behind")]
    public void Clocks(double seconds, string severity, string word)
    {
        Finding finding = Find(AtHome with { Clock = new("time.example", seconds, null) }, "clock");

        Assert.Equal((severity, true), (finding.Severity.ToString(), finding.Text.Contains(word, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_taken_port_names_its_owner()
    {
        Finding finding = Find(AtHome with { Ports = [new("udp", "[::]:30303", "Address already in use", "geth (process 7)")] }, "ports");

        Assert.Equal(Severity.Problem, finding.Severity);
        Assert.Contains("by geth (process 7)", finding.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Silent_bootnodes_are_a_problem_and_none_are_a_note()
    {
        Assert.Equal(Severity.Problem, Find(AtHome with { Bootnodes = [new("enode://y", null, null)] }, "bootnodes").Severity);
        Assert.Equal(Severity.Note, Find(AtHome with { Bootnodes = [] }, "bootnodes").Severity);
    }

    [Fact]
    public void Every_problem_says_what_to_do_and_a_screen_holds_it_all()
    {
        DoctorFacts worst = AtHome with
        {
            Addresses = [], Gateways = [], Mappings = [new("upnp", "udp", 0, null, "refused")], Bootnodes = [new("enode://y", null, null)],
            Clock = new("time.example", 100, null), Ports = [new("udp", "[::]:30303", "taken", null)], Stun = AtHome.Stun! with { Mapping = "addressDependent" },
        };
        DoctorReport report = DoctorReport.From(worst);
        using var output = new StringWriter();
        report.Print(output);

        Assert.All(report.Findings.Where(static f => f.Severity == Severity.Problem), static f => Assert.False(string.IsNullOrEmpty(f.Advice)));
        Assert.True(report.Problems >= 6);
        Assert.InRange(output.ToString().Count(static c => c == '\n'), 10, 40);
        Assert.Equal(report.Problems, JsonDocument.Parse(JsonSerializer.Serialize(report, DoctorJson.Default.DoctorReport)).RootElement.GetProperty("problems").GetInt32());
    }

    [Theory]
    [InlineData("8.8.8.8", AddressKind.Public)]
    [InlineData("192.168.0.1", AddressKind.Private)]
    [InlineData("100.64.0.1", AddressKind.Shared)]
    [InlineData("100.128.0.1", AddressKind.Public)]
    [InlineData("169.254.3.4", AddressKind.LinkLocal)]
    [InlineData("fe80::1", AddressKind.LinkLocal)]
    [InlineData("fd00::1", AddressKind.Private)]
    [InlineData("2606:4700::1", AddressKind.Public)]
    [InlineData("192.0.2.1", AddressKind.Special)]
    [InlineData("::ffff:10.0.0.1", AddressKind.Private)]
    public void Kinds_of_addresses(string address, string kind) => Assert.Equal(kind, AddressKind.Of(IPAddress.Parse(address)));

    [Fact]
    public void The_socket_of_a_port_in_the_kernels_table()
    {
        string[] table =
        [
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            "   0: 0100007F:765F 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 4711 1",
            "   1: 00000000:765F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1",
            "damaged 765F",
        ];

        Assert.Equal("4712", PortOwner.FindInode(table, onlyListening: true, 30303));
        Assert.Equal("4711", PortOwner.FindInode(table, onlyListening: false, 30303));
        Assert.Null(PortOwner.FindInode(table, onlyListening: true, 30304));
    }

    private static Finding Find(DoctorFacts facts, string topic) => Diagnosis.Explain(facts).Last(f => f.Topic == topic);
}
