using DevP2P.Dialing;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Dialing.DialDriver;
using static DevP2P.Tests.Dialing.DialSchedulerTests;

namespace DevP2P.Tests.Dialing;

/// <summary>The back-off of static nodes and the hold-down of removed ones.</summary>
public sealed class DialSchedulerStaticTests
{
    [Fact]
    public void The_back_off_doubles_to_its_maximum_and_never_gives_up()
    {
        var d = new DialDriver();
        d.AddStatic(NodeOf(1));
        var waits = new List<double>();
        for (int i = 0; i < 100; i++)
        {
            d.Fail(1);
            StaticNodeStatus status = d.Scheduler.GetStaticNode(Id(1))!.Value;
            Assert.Equal(i + 1, status.Failures);
            TimeSpan wait = status.NextAttempt!.Value - d.Now;
            waits.Add(wait.TotalSeconds);
            d.Advance(wait - TimeSpan.FromTicks(1));
            Assert.Empty(d.Active);
            d.Advance(TimeSpan.FromTicks(1));
            Assert.Single(d.Active);
        }

        double[] bases = [35, 70, 140, 280];
        for (int i = 0; i < waits.Count; i++)
        {
            double shortest = i < bases.Length ? bases[i] : 480;
            Assert.InRange(waits[i], shortest, shortest * 1.25);
        }

        // Jitter: a hundred nodes that failed together do not come back together.
        Assert.True(waits.Skip(4).Distinct().Count() > 80);
        Assert.True(waits.Max() <= DialLimits.MaxStaticBackOff.TotalSeconds);
    }

    [Fact]
    public void A_lasting_connection_ends_the_back_off()
    {
        DialDriver d = FailTimes(5);
        d.Succeed(1);
        d.AdvanceSeconds(61);
        d.Drop(1);
        Assert.Equal(0, d.Scheduler.GetStaticNode(Id(1))!.Value.Failures);
        AssertDials(d, 1);
    }

    [Fact]
    public void A_short_connection_lengthens_the_back_off()
    {
        DialDriver d = FailTimes(1);
        d.Succeed(1);
        Assert.Null(d.Scheduler.GetStaticNode(Id(1))!.Value.NextAttempt);
        d.AdvanceSeconds(60);
        d.Drop(1);
        StaticNodeStatus status = d.Scheduler.GetStaticNode(Id(1))!.Value;
        Assert.Equal(2, status.Failures);
        Assert.InRange((status.NextAttempt!.Value - d.Now).TotalSeconds, 70, 87.5);
        AssertDials(d);
    }

    [Fact]
    public void A_lost_race_against_the_nodes_own_dial_is_no_failure()
    {
        var d = new DialDriver();
        d.AddStatic(NodeOf(1));
        d.Connect(1, isDialed: false);
        d.Fail(1);
        Assert.Equal(0, d.Scheduler.GetStaticNode(Id(1))!.Value.Failures);
        d.AdvanceSeconds(61);
        d.TakeDials();
        d.Drop(1);
        AssertDials(d, 1);
    }

    [Fact]
    public void Adding_a_node_again_ends_the_back_off_but_not_the_redial_interval()
    {
        DialDriver d = FailTimes(6);
        d.Fail(1);
        d.AdvanceSeconds(10);
        d.AddStatic(NodeOf(1));
        AssertDials(d);
        Assert.Equal(d.Now + TimeSpan.FromSeconds(25), d.Scheduler.GetStaticNode(Id(1))!.Value.NextAttempt);
        d.AdvanceSeconds(25);
        AssertDials(d, 1);
        d.Fail(1);
        Assert.Equal(1, d.Scheduler.GetStaticNode(Id(1))!.Value.Failures);
    }

    [Fact]
    public void A_node_on_the_lan_or_at_a_new_address_is_dialed_at_once_when_added_again()
    {
        var d = new DialDriver { AllowQuickRedial = true };
        d.AddStatic(NodeOf(1, "192.168.0.7"));
        d.AddStatic(NodeOf(2));
        Assert.Equal(2, d.TakeDials().Count);
        d.Fail(1);
        d.Fail(2);
        AssertDials(d);
        d.AddStatic(NodeOf(1, "192.168.0.7"));
        d.AddStatic(NodeOf(2, "44.1.1.1"));
        AssertDials(d, 1, 2);
        Assert.Equal("44.1.1.1", d.Active[Id(2)].Node.Address!.ToString());
    }

    [Fact]
    public void The_failure_of_a_dial_to_an_old_address_does_not_count_against_the_new_one()
    {
        var d = new DialDriver();
        d.AddStatic(NodeOf(1, "44.1.1.1"));
        AssertDials(d, 1);
        Assert.True(d.Scheduler.UpdateAddress(d.Now, NodeOf(1, "44.1.1.2")));
        d.AdvanceSeconds(36);
        d.Fail(1);
        Assert.Equal("44.1.1.2", Assert.Single(d.TakeDials()).Node.Address!.ToString());
    }

    [Fact]
    public void A_removed_node_is_held_down_until_time_has_passed_or_it_is_added()
    {
        var d = new DialDriver();
        int source = d.AddSource();
        d.Connect(1, isDialed: true);
        d.AdvanceSeconds(100);
        Assert.False(d.Scheduler.RemoveStatic(d.Now, Id(1), holdDown: true));
        d.Drop(1);
        Assert.True(d.Scheduler.IsHeldDown(d.Now, Id(1)));
        d.Discover(source, NodeOf(1));
        AssertDials(d);
        Assert.Equal(DialRefusal.HeldDown, d.Refusals[^1]);

        d.AdvanceSeconds(59);
        d.Discover(source, NodeOf(1));
        AssertDials(d);
        d.AdvanceSeconds(1);
        Assert.False(d.Scheduler.IsHeldDown(d.Now, Id(1)));
        d.Discover(source, NodeOf(1));
        AssertDials(d, 1);
    }

    [Fact]
    public void Adding_a_node_cancels_its_hold_down()
    {
        var d = new DialDriver();
        d.AddStatic(NodeOf(1));
        d.Succeed(1);
        d.AdvanceSeconds(100);
        d.TakeDials();
        Assert.True(d.Scheduler.RemoveStatic(d.Now, Id(1), holdDown: true));
        d.Drop(1);
        AssertDials(d);
        d.AddStatic(NodeOf(1));
        Assert.False(d.Scheduler.IsHeldDown(d.Now, Id(1)));
        AssertDials(d, 1);
    }

    [Fact]
    public void Every_static_node_gets_its_turn_when_there_are_many_more_than_slots()
    {
        var d = new DialDriver(maxActive: 2);
        foreach (Node node in Range(1, 300))
        {
            d.Scheduler.AddStatic(d.Now, node);
        }

        // Dials time out after 15 s each: two slots dial eight nodes a minute.
        d.Settle();
        for (int i = 0; i < 150; i++)
        {
            d.Advance(TimeSpan.FromSeconds(15));
            foreach (NodeId id in d.Active.Keys.ToArray())
            {
                d.Fail(id);
            }
        }

        Assert.Equal(300, d.Dials.Take(300).Select(x => x.Request.Node.Id).Distinct().Count());
    }

    [Fact]
    public void The_end_of_an_unknown_dial_changes_nothing()
    {
        var d = new DialDriver();
        d.AddStatic(NodeOf(1));
        DialRequest request = Assert.Single(d.TakeDials());
        d.Fail(1);
        Assert.False(d.Scheduler.DialFinished(d.Now, Attempt(request, succeeded: false)));
        Assert.Equal(1, d.Scheduler.GetStaticNode(Id(1))!.Value.Failures);
        Assert.Single(d.Scheduler.History.Get(Id(1)));
    }

    [Fact]
    public void Every_attempt_is_in_the_history()
    {
        DialDriver d = FailTimes(2);
        d.Succeed(1);
        IReadOnlyList<DialAttempt> attempts = d.Scheduler.History.Get(Id(1));
        Assert.Equal([false, false, true], attempts.Select(a => a.Succeeded));
        Assert.Equal([DialStage.Connect, DialStage.Connect, DialStage.Admitted], attempts.Select(a => a.Stage));
    }

    /// <summary>Node 1 is static, has failed so often, and is being dialed again.</summary>
    private static DialDriver FailTimes(int count)
    {
        var d = new DialDriver();
        d.AddStatic(NodeOf(1));
        for (int i = 0; i < count; i++)
        {
            d.Fail(1);
            d.Advance(d.Scheduler.GetStaticNode(Id(1))!.Value.NextAttempt!.Value - d.Now);
        }

        d.TakeDials();
        return d;
    }
}
