using DevP2P.Dialing;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Dialing.DialDriver;

namespace DevP2P.Tests.Dialing;

/// <summary>The scenarios of go-ethereum's <c>dial_test.go</c>, where the rules are the same; the differences are said.</summary>
public sealed class DialSchedulerTests
{
    [Fact] // TestDialSchedDynDial
    public void Dynamic_dials_fill_two_per_free_slot()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 5);
        int source = d.AddSource();
        d.Connect(0x00, isDialed: true);
        d.Connect(0x01, isDialed: true);
        d.Connect(0x02, isDialed: true);
        d.Discover(source, NodeOf(0x00), NodeOf(0x02));
        d.Discover(source, Range(3, 6));
        AssertDials(d, 3, 4);

        d.Fail(4);
        AssertDials(d, 5);

        // The last slot is taken: no dial, although candidates wait.
        d.Succeed(3);
        d.Fail(5);
        d.Discover(source, NodeOf(9));
        AssertDials(d);

        d.AdvanceSeconds(16);
        d.Drop(0);
        d.Drop(1);
        d.Drop(2);
        d.Discover(source, Range(10, 5));
        AssertDials(d, 6, 7, 8, 9, 10);
    }

    [Fact]
    public void Another_number_of_dialed_peers_counts_from_the_next_dial_on()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 50);
        int source = d.AddSource();
        d.Connect(0x00, isDialed: true);
        d.Connect(0x01, isDialed: true);
        d.Scheduler.MaxDialedPeers = 2;
        d.Discover(source, Range(2, 10));
        AssertDials(d);

        d.Scheduler.MaxDialedPeers = 1;
        d.Drop(0);
        AssertDials(d);

        // Two dials for each of the two slots; a single source may have all of them.
        d.Scheduler.MaxDialedPeers = 3;
        AssertDials(d, 2, 3, 4, 5);
    }

    [Fact] // TestDialSchedNetRestrict
    public void Candidates_outside_the_net_restrict_list_are_not_dialed()
    {
        var d = new DialDriver(maxDialed: 10, maxActive: 10, netRestrict: "44.0.2.0/24");
        int source = d.AddSource();
        d.Discover(source, NodeOf(1, "44.0.1.1"), NodeOf(2, "44.0.0.2"), NodeOf(3, "44.0.2.5"), NodeOf(4, "::ffff:44.0.2.6"), NodeOf(5, "2600::1"));
        AssertDials(d, 3, 4);
    }

    [Fact]
    public void Static_nodes_outside_the_net_restrict_list_are_refused()
    {
        var d = new DialDriver(netRestrict: "44.0.2.0/24");
        Assert.Equal(DialRefusal.NetRestrict, d.AddStatic(NodeOf(1, "44.0.1.1")));
        Assert.Equal(DialRefusal.None, d.AddStatic(NodeOf(2, "44.0.2.1")));
        AssertDials(d, 2);
    }

    [Fact] // TestDialSchedStaticDial; here static dials obey the limit of active dials, not that of dialed peers (as in 1.8)
    public void Static_dials_obey_the_active_limit_only()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 5);
        d.Connect(1, isDialed: true);
        d.Connect(2, isDialed: true);
        foreach (Node node in Range(1, 9))
        {
            d.AddStatic(node);
        }

        Assert.Equal(5, d.TakeDials().Count);
        Assert.DoesNotContain(Id(1), d.Active.Keys);
        Assert.DoesNotContain(Id(2), d.Active.Keys);

        // Each that ends makes room for another one, until all seven were dialed.
        foreach (NodeId id in d.Active.Keys.ToArray())
        {
            d.Fail(id);
        }

        Assert.Equal(Range(3, 7).Select(n => n.Id).Order(), d.Dials.Select(x => x.Request.Node.Id).Order());
        Assert.All(d.Dials, x => Assert.True(x.Request.IsStatic));
    }

    [Fact]
    public void Static_nodes_are_dialed_when_the_dialed_side_is_full()
    {
        var d = new DialDriver(maxDialed: 1, maxActive: 5);
        int source = d.AddSource();
        d.Connect(1, isDialed: true);
        d.Connect(2, isDialed: true);
        d.Discover(source, NodeOf(4));
        d.AddStatic(NodeOf(3));
        AssertDials(d, 3);
    }

    [Fact]
    public void Static_nodes_come_before_candidates()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 1);
        int source = d.AddSource();
        d.Discover(source, NodeOf(1), NodeOf(2));
        AssertDials(d, 1);
        d.AddStatic(NodeOf(9));
        d.Fail(1);
        AssertDials(d, 9);
        d.Fail(9);
        AssertDials(d, 2);
    }

    [Fact]
    public void Active_static_dials_take_no_dynamic_slots()
    {
        var d = new DialDriver(maxDialed: 1, maxActive: 5);
        int source = d.AddSource();
        d.AddStatic(NodeOf(1));
        d.AddStatic(NodeOf(2));
        d.Discover(source, Range(10, 5));
        Assert.Equal(4, d.TakeDials().Count);
        Assert.Equal(2, d.Active.Values.Count(r => !r.IsStatic));
    }

    [Fact] // TestDialSchedRemoveStatic
    public void Removed_static_nodes_are_not_dialed_again()
    {
        var d = new DialDriver(maxDialed: 1, maxActive: 1);
        d.AddStatic(NodeOf(1));
        d.AdvanceSeconds(0.001);
        d.AddStatic(NodeOf(2));
        d.AdvanceSeconds(0.001);
        d.AddStatic(NodeOf(3));
        AssertDials(d, 1);
        d.Fail(1);
        AssertDials(d, 2);

        // 1 waits for its back-off, 2 is being dialed, 3 is due.
        foreach (int number in new[] { 1, 2, 3 })
        {
            Assert.True(d.Scheduler.RemoveStatic(d.Now, Id(number), holdDown: false));
        }

        Assert.False(d.Scheduler.RemoveStatic(d.Now, Id(3), holdDown: false));
        d.Fail(2);
        d.Advance(TimeSpan.FromHours(1));
        AssertDials(d);
        Assert.Empty(d.Scheduler.GetStaticNodes());
        Assert.Null(d.Scheduler.NextTimeout);
    }

    [Fact] // TestDialSchedManyStaticNodes
    public void Static_nodes_that_are_due_together_are_dialed_in_random_order()
    {
        static List<NodeId> FirstDials(int seed)
        {
            var d = new DialDriver(maxDialed: 2, maxActive: 4, seed: seed);
            foreach (Node node in Range(100, 2000))
            {
                d.Scheduler.AddStatic(d.Now, node);
            }

            return [.. d.TakeDials().Select(r => r.Node.Id)];
        }

        List<NodeId> one = FirstDials(1);
        Assert.Equal(4, one.Count);
        Assert.Equal(one, FirstDials(1));
        Assert.NotEqual(one, FirstDials(2));
        Assert.NotEqual(Range(100, 4).Select(n => n.Id).Order(), one.Order());
    }

    [Fact] // TestDialSchedHistory
    [Trait("Threat", "T02")]
    public void No_node_is_dialed_twice_within_the_inbound_throttle_of_others()
    {
        var d = new DialDriver(maxDialed: 3, maxActive: 3);
        int source = d.AddSource();
        d.Discover(source, NodeOf(1));
        AssertDials(d, 1);
        d.Fail(1);
        d.AdvanceSeconds(30);
        d.Discover(source, NodeOf(1));
        AssertDials(d);
        Assert.Equal(DialRefusal.RecentlyDialed, d.Refusals[^1]);

        d.AdvanceSeconds(4.999);
        d.Discover(source, NodeOf(1));
        AssertDials(d);
        d.AdvanceSeconds(0.001);
        d.Discover(source, NodeOf(1));
        AssertDials(d, 1);

        // A candidate dial counts for a node that becomes static, too.
        d.Fail(1);
        d.AddStatic(NodeOf(1));
        d.AdvanceSeconds(34.999);
        AssertDials(d);
        d.AdvanceSeconds(0.001);
        AssertDials(d, 1);
    }

    [Fact] // TestDialSchedResolve
    public void A_static_node_without_address_asks_for_discovery_until_it_has_one()
    {
        var d = new DialDriver(maxActive: 1);
        d.AddStatic(WithoutAddress(1));
        DialRequest request = Assert.Single(d.TakeDials());
        Assert.Equal(DialResolution.Discovery, request.Resolution);
        d.Fail(1);

        Assert.True(d.Scheduler.UpdateAddress(d.Now, NodeOf(1, "44.0.0.55")));
        Assert.False(d.Scheduler.UpdateAddress(d.Now, NodeOf(1, "44.0.0.55")));
        Assert.False(d.Scheduler.UpdateAddress(d.Now, NodeOf(2)));
        d.AdvanceSeconds(35);
        request = Assert.Single(d.TakeDials());
        Assert.Equal((DialResolution.None, "44.0.0.55"), (request.Resolution, request.Node.Address!.ToString()));
    }

    [Fact] // TestDialSchedDNSHostname
    public void A_host_name_is_resolved_at_every_dial()
    {
        const string Key = "ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd31387574077f301b421bc84df7266c44e9e6d569fc56be00812904767bf5ccd1fc7f";
        Node node = Node.Parse($"enode://{Key}@node.example.org:30303");
        var d = new DialDriver();
        Assert.Equal(DialRefusal.None, d.AddStatic(node));
        DialRequest first = Assert.Single(d.TakeDials());
        Assert.Equal((DialResolution.HostName, "node.example.org"), (first.Resolution, first.Node.HostName));
        Assert.True(first.Policy.IsOperatorNamed);

        d.Fail(node.Id);
        d.AdvanceSeconds(60);
        Assert.Equal(DialResolution.HostName, Assert.Single(d.TakeDials()).Resolution);
    }

    [Fact] // TestDialSchedPendingInbound
    public void Nodes_with_a_pending_inbound_connection_are_not_dialed()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 5);
        int source = d.AddSource();
        d.Connect(1, isDialed: true);
        d.Connect(2, isDialed: true);
        d.BeginInbound(3);
        d.AddStatic(NodeOf(8));
        d.TakeDials();
        d.Discover(source, Range(3, 3));
        AssertDials(d, 4, 5);

        d.Connect(3, isDialed: false);
        d.EndInbound(3);
        d.Succeed(4);
        d.Fail(5);
        d.Discover(source, NodeOf(3), NodeOf(6));
        AssertDials(d, 6);

        d.Drop(3);
        d.BeginInbound(7);
        d.Discover(source, NodeOf(3), NodeOf(7));
        AssertDials(d, 3);
        d.Fail(6);
        AssertDials(d);
        Assert.Equal(DialRefusal.PendingInbound, d.Refusals[^1]);
    }

    [Fact]
    public void A_static_node_waits_for_its_own_pending_inbound_connection()
    {
        var d = new DialDriver();
        d.BeginInbound(1);
        d.AddStatic(NodeOf(1));
        AssertDials(d);
        Assert.Null(d.Scheduler.GetStaticNode(Id(1))!.Value.NextAttempt);
        d.EndInbound(1);
        AssertDials(d, 1);
    }

    [Fact]
    public void A_candidate_that_connects_while_it_waits_for_a_slot_is_dropped()
    {
        var d = new DialDriver(maxDialed: 4, maxActive: 1);
        int source = d.AddSource();
        int other = d.AddSource();
        d.Discover(source, NodeOf(1));
        d.Scheduler.TryGetWantedSource(d.Now, out _);
        AssertDials(d, 1);
        d.Discover(other, NodeOf(2), NodeOf(3));
        d.Connect(2, isDialed: false);
        d.Fail(1);
        AssertDials(d, 3);
    }

    [Fact]
    public void Undialable_nodes_are_refused_with_the_reason()
    {
        var d = new DialDriver();
        Assert.Equal(DialRefusal.Self, d.AddStatic(NodeOf(SelfNumber)));
        Assert.Equal(DialRefusal.NoTcpPort, d.AddStatic(NodeOf(1, port: 0)));
        int source = d.AddSource();
        d.Discover(source, NodeOf(SelfNumber), NodeOf(1, port: 0), WithoutAddress(2));
        Assert.Equal([DialRefusal.Self, DialRefusal.NoTcpPort, DialRefusal.NoAddress], d.Refusals);
        AssertDials(d);
        foreach (DialRefusal refusal in Enum.GetValues<DialRefusal>())
        {
            Assert.Equal(refusal is DialRefusal.None, refusal.ToText().Length == 0);
        }
    }

    [Fact]
    [Trait("Threat", "T01")]
    public void A_flood_of_inbound_peers_does_not_stop_dialing()
    {
        var d = new DialDriver(maxDialed: 2, maxActive: 2);
        int source = d.AddSource();
        foreach (int number in Enumerable.Range(1000, 500))
        {
            d.BeginInbound(number);
            d.Connect(number, isDialed: false);
        }

        d.Discover(source, NodeOf(1), NodeOf(2));
        AssertDials(d, 1, 2);
    }

    [Fact]
    [Trait("Threat", "T01")]
    public void Few_nodes_of_one_network_are_dialed_on_the_word_of_sources()
    {
        var d = new DialDriver(maxDialed: 8, maxActive: 50);
        int source = d.AddSource();
        d.Discover(source, NodeOf(1, "8.8.8.1"), NodeOf(2, "8.8.8.2"), NodeOf(3, "8.8.8.3"), NodeOf(4, "2600::1"), NodeOf(5, "2600::2"), NodeOf(6, "2600::3"));
        AssertDials(d, 1, 2, 4, 5);
        Assert.Equal(2, d.Refusals.Count(r => r is DialRefusal.NetworkLimit));

        // A failed dial makes room, a peer takes it for as long as it stays; whom the operator names does not count.
        d.Fail(1);
        d.Succeed(2);
        d.Discover(source, NodeOf(7, "8.8.8.7"), NodeOf(8, "8.8.8.8"));
        AssertDials(d, 7);
        d.AddStatic(NodeOf(9, "8.8.8.9"));
        AssertDials(d, 9);
        d.Succeed(7);
        d.Drop(2);
        d.RemoveSource(source);
        int other = d.AddSource(allowLan: true);
        d.Discover(other, NodeOf(10, "8.8.8.10"), NodeOf(11, "8.8.8.11"));
        AssertDials(d, 10);

        // Networks of the LAN are not limited.
        d.Discover(other, NodeOf(20, "10.0.0.1"), NodeOf(21, "10.0.0.2"), NodeOf(22, "10.0.0.3"));
        AssertDials(d, 20, 21, 22);
    }

    internal static void AssertDials(DialDriver driver, params int[] numbers) =>
        Assert.Equal(numbers.Select(Id), driver.TakeDials().Select(r => r.Node.Id));
}
