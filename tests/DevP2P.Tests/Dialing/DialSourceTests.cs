using System.Net;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Dialing.DialDriver;
using static DevP2P.Tests.Dialing.DialSchedulerTests;

namespace DevP2P.Tests.Dialing;

/// <summary>How candidates of several sources are mixed, and which of them are refused.</summary>
public sealed class DialSourceTests
{
    [Fact]
    public void Sources_take_turns()
    {
        var d = new DialDriver(maxDialed: 12, maxActive: 6);
        int a = d.AddSource();
        int b = d.AddSource();
        int c = d.AddSource();
        d.Connect(1, isDialed: false);
        foreach ((int source, int first) in new[] { (a, 100), (b, 200), (c, 300) })
        {
            foreach (Node node in Range(first, 10))
            {
                d.Discover(source, node);
            }
        }

        // Whoever came first has filled its share; from here on each end of a dial is one turn.
        d.TakeDials();
        var turns = new List<int?>();
        for (int i = 0; i < 9; i++)
        {
            d.AdvanceSeconds(1);
            d.Fail(d.Active.Keys.First());
            turns.Add(Assert.Single(d.TakeDials()).SourceId);
        }

        Assert.Equal(3, turns.Distinct().Count());
        Assert.All(turns.GroupBy(t => t), g => Assert.InRange(g.Count(), 2, 4));
    }

    [Fact]
    [Trait("Threat", "T03")]
    public void No_source_fills_more_than_half_of_the_dialed_side()
    {
        var d = new DialDriver(maxDialed: 7, maxActive: 50);
        int poisoned = d.AddSource();
        int honest = d.AddSource();
        d.Discover(poisoned, Range(1000, 100));
        Assert.Equal(4, d.TakeDials().Count);
        foreach (int number in new[] { 1000, 1001, 1002, 1003 })
        {
            d.Succeed(number);
        }

        d.Discover(poisoned, Range(2000, 100));
        Assert.Empty(d.TakeDials());

        d.Discover(honest, Range(1, 10));
        Assert.Equal(4, d.TakeDials().Count);
        Assert.All(d.Active.Values, r => Assert.Equal(honest, r.SourceId));

        // A peer that goes gives its source one slot back.
        d.Drop(1000);
        Assert.Equal(poisoned, Assert.Single(d.TakeDials()).SourceId);
    }

    [Fact]
    [Trait("Threat", "T03")]
    public void A_peers_slot_is_counted_once_however_its_dial_ends()
    {
        var d = new DialDriver(maxDialed: 2, maxActive: 50);
        int a = d.AddSource();
        d.AddSource();
        d.Discover(a, NodeOf(1), NodeOf(2), NodeOf(3), NodeOf(4));

        // Gone before the dial reports its end.
        AssertDials(d, 1);
        d.Connect(1, isDialed: true);
        d.Drop(1);
        AssertDials(d);
        d.Fail(1);
        AssertDials(d, 2);

        // Connected from the other side while we dialed.
        d.Connect(2, isDialed: false);
        d.Fail(2);
        AssertDials(d, 3);
        d.Drop(2);
        AssertDials(d);
        d.Succeed(3);
        AssertDials(d);
        d.Drop(3);
        AssertDials(d, 4);
    }

    [Fact]
    public void A_single_source_may_fill_everything()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 50);
        int a = d.AddSource();
        int b = d.AddSource();
        d.Discover(a, Range(1, 20));
        Assert.Equal(2, d.TakeDials().Count);
        d.RemoveSource(b);
        Assert.Equal(6, d.TakeDials().Count);
    }

    [Fact]
    public void A_source_that_stays_quiet_gives_its_share_away_until_it_speaks()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 50);
        int loud = d.AddSource();
        int quiet = d.AddSource();
        d.Discover(loud, Range(1, 20));
        Assert.Equal(2, d.TakeDials().Count);
        d.Advance(DialLimits.QuietSourceAfter - TimeSpan.FromTicks(1));
        Assert.Empty(d.TakeDials());
        d.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(6, d.TakeDials().Count);

        // Back again: the loud one gets nothing until it is below its share.
        d.Fail(1);
        d.TakeDials();
        d.Discover(quiet, NodeOf(100));
        d.Fail(2);
        Assert.Contains(d.TakeDials(), r => r.SourceId == quiet);
        d.Fail(3);
        d.Fail(4);
        Assert.Empty(d.TakeDials());
    }

    [Fact]
    public void A_silent_source_does_not_hold_up_the_others()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 50);
        d.AddSource();
        int b = d.AddSource();
        d.AddSource();
        d.Discover(b, NodeOf(1), NodeOf(2));
        AssertDials(d, 1, 2);
    }

    [Fact]
    public void A_source_that_offers_only_refused_candidates_rests()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 50);
        int source = d.AddSource();
        d.Discover(source, [.. Enumerable.Repeat(NodeOf(SelfNumber), 100)]);
        Assert.Equal(DialLimits.MaxRejectedInARow, d.Refusals.Count);
        d.AdvanceSeconds(0.999);
        Assert.Equal(DialLimits.MaxRejectedInARow, d.Refusals.Count);
        d.AdvanceSeconds(0.001);
        Assert.Equal(2 * DialLimits.MaxRejectedInARow, d.Refusals.Count);
    }

    [Fact]
    public void An_offer_that_nobody_asked_for_is_dropped()
    {
        var d = new DialDriver();
        int source = d.AddSource();
        Assert.Equal(DialRefusal.NotWanted, d.Scheduler.OfferCandidate(d.Now, source, NodeOf(1)));
        Assert.Equal(DialRefusal.NotWanted, d.Scheduler.OfferCandidate(d.Now, source + 1, NodeOf(1)));
        Assert.True(d.Scheduler.TryGetWantedSource(d.Now, out int asked));
        Assert.Equal(source, asked);
        Assert.Equal(DialRefusal.None, d.Scheduler.OfferCandidate(d.Now, source, NodeOf(1)));
        Assert.Equal(DialRefusal.NotWanted, d.Scheduler.OfferCandidate(d.Now, source, NodeOf(2)));
        AssertDials(d, 1);
    }

    [Fact]
    public void Sources_are_asked_only_while_a_slot_is_free()
    {
        var d = new DialDriver(maxDialed: 1, maxActive: 50);
        d.Connect(1, isDialed: true);
        d.Scheduler.AddSource();
        Assert.False(d.Scheduler.TryGetWantedSource(d.Now, out _));
        d.Scheduler.PeerRemoved(d.Now, Id(1));
        Assert.True(d.Scheduler.TryGetWantedSource(d.Now, out _));
    }

    [Fact]
    public void Quick_failures_do_not_turn_the_node_into_a_scanner()
    {
        var d = new DialDriver(maxDialed: 50, maxActive: 50);
        int source = d.AddSource();
        d.Discover(source, Range(1, 3000));
        while (d.Active.Count > 0)
        {
            d.Fail(d.Active.Keys.First());
        }

        Assert.Equal(DialLimits.MaxRecentDials, d.Dials.Count);
        d.AdvanceSeconds(35);
        while (d.Active.Count > 0)
        {
            d.Fail(d.Active.Keys.First());
        }

        Assert.Equal(2 * DialLimits.MaxRecentDials, d.Dials.Count);
    }

    [Fact]
    public void The_number_of_sources_is_limited_and_removing_one_keeps_the_order()
    {
        var d = new DialDriver(maxDialed: 100, maxActive: 100);
        int[] ids = [.. Enumerable.Range(0, DialLimits.MaxSources).Select(_ => d.Scheduler.AddSource())];
        Assert.Throws<InvalidOperationException>(() => d.Scheduler.AddSource());
        Assert.True(d.Scheduler.TryGetWantedSource(d.Now, out int first));
        Assert.True(d.Scheduler.TryGetWantedSource(d.Now, out int second));
        Assert.Equal((ids[0], ids[1]), (first, second));
        d.Scheduler.RemoveSource(first);
        Assert.True(d.Scheduler.TryGetWantedSource(d.Now, out int third));
        Assert.Equal(ids[2], third);
        Assert.NotEqual(first, d.Scheduler.AddSource());
    }

    [Theory]
    [Trait("Threat", "T18")]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.10.1")]
    [InlineData("172.16.0.1")]
    [InlineData("192.0.0.5")]
    [InlineData("192.0.2.1")]
    [InlineData("192.168.1.1")]
    [InlineData("198.19.0.1")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.7")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::ffff:198.18.0.1")]
    [InlineData("2001:db8::1")]
    [InlineData("fc00::1")]
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    public void Addresses_learned_from_others_must_be_routable(string address)
    {
        var d = new DialDriver();
        int source = d.AddSource();
        d.Discover(source, NodeOf(1, address));
        AssertDials(d);
        Assert.True(d.Refusals is [DialRefusal.ReservedAddress or DialRefusal.LanAddress], string.Join(',', d.Refusals));

        // The operator may name any address.
        Assert.Equal(DialRefusal.None, d.AddStatic(NodeOf(1, address)));
        AssertDials(d, 1);
    }

    [Theory]
    [Trait("Threat", "T18")]
    [InlineData("127.0.0.1", true)]
    [InlineData("10.0.0.1", true)]
    [InlineData("192.168.1.1", true)]
    [InlineData("::1", true)]
    [InlineData("fc00::1", true)]
    [InlineData("44.1.2.3", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("169.254.1.1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("192.0.2.1", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("2001:db8::1", false)]
    public void A_source_on_the_lan_may_offer_lan_addresses_but_not_reserved_ones(string address, bool isDialed)
    {
        var d = new DialDriver();
        int source = d.AddSource(allowLan: true);
        d.Discover(source, NodeOf(1, address));
        Assert.Equal(isDialed, d.TakeDials().Count == 1);
    }

    [Fact]
    [Trait("Threat", "T18")]
    public void A_request_carries_the_rules_for_what_its_host_name_resolves_to()
    {
        var d = new DialDriver(netRestrict: "44.0.0.0/8,10.0.0.0/8");
        d.AddStatic(NodeOf(1));
        d.Discover(d.AddSource(), NodeOf(2));
        DialRequest named = d.Active[Id(1)];
        DialRequest learned = d.Active[Id(2)];
        var lan = IPAddress.Parse("10.0.0.1");
        var outside = IPAddress.Parse("45.0.0.1");
        Assert.Equal((DialRefusal.None, DialRefusal.NetRestrict), (named.Policy.Check(lan), named.Policy.Check(outside)));
        Assert.Equal((DialRefusal.LanAddress, DialRefusal.NetRestrict), (learned.Policy.Check(lan), learned.Policy.Check(outside)));
    }
}
