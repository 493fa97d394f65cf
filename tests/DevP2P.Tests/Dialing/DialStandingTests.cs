using DevP2P.Dialing;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Dialing.DialDriver;

namespace DevP2P.Tests.Dialing;

/// <summary>What is known of candidates bends the choice among them.</summary>
public sealed class DialStandingTests
{
    private readonly Dictionary<NodeId, DialStanding> _standings = [];

    [Fact]
    public void Of_two_candidates_the_better_is_dialed_first_and_then_the_other()
    {
        DialDriver d = Create(maxDialed: 10);
        int source = d.AddSource();
        Know(2, 5);
        d.Discover(source, NodeOf(1), NodeOf(2));
        Assert.Equal([NodeOf(2), NodeOf(1)], d.TakeDials().Select(r => r.Node));

        // Equal ones come in the order of the source.
        d.Discover(source, NodeOf(3), NodeOf(4));
        Assert.Equal([NodeOf(3), NodeOf(4)], d.TakeDials().Select(r => r.Node));
    }

    [Fact]
    public void A_candidate_worse_than_a_stranger_is_dropped_when_there_is_a_better_one()
    {
        DialDriver d = Create(maxDialed: 10);
        int source = d.AddSource();
        Know(1, -1);
        d.Discover(source, NodeOf(1), NodeOf(2));
        Assert.Equal([NodeOf(2)], d.TakeDials().Select(r => r.Node));
        d.AdvanceSeconds(10);
        Assert.Empty(d.TakeDials());

        // Alone it has its turn.
        d.Discover(source, NodeOf(1));
        d.AdvanceSeconds(1);
        Assert.Equal([NodeOf(1)], d.TakeDials().Select(r => r.Node));
    }

    [Fact]
    public void The_second_candidate_is_waited_for_but_not_long()
    {
        DialDriver d = Create(maxDialed: 10);
        int source = d.AddSource();
        d.Discover(source, NodeOf(1));
        Assert.Empty(d.TakeDials());
        d.Advance(DialLimits.SecondDrawWait - TimeSpan.FromTicks(1));
        Assert.Empty(d.TakeDials());
        d.Advance(TimeSpan.FromTicks(1));
        Assert.Equal([NodeOf(1)], d.TakeDials().Select(r => r.Node));
    }

    [Fact]
    public void What_a_source_offered_last_is_dialed_although_it_has_ended()
    {
        DialDriver d = Create(maxDialed: 10);
        int source = d.AddSource();
        d.Discover(source, NodeOf(1));
        d.RemoveSource(source);
        Assert.Equal([NodeOf(1)], d.TakeDials().Select(r => r.Node));
        for (int i = 0; i < DialLimits.MaxSources; i++)
        {
            d.AddSource();
        }

        Assert.Throws<InvalidOperationException>(() => d.AddSource());
    }

    /// <summary>An attacker whose nodes have long been of use must not get all dials: random choice remains.</summary>
    [Fact]
    [Trait("Threat", "T01")]
    public void Strangers_keep_half_of_the_dials_whatever_the_score_of_others()
    {
        DialDriver d = Create(maxDialed: 1000, maxActive: 2000);
        int source = d.AddSource();
        for (int i = 0; i < 100; i++)
        {
            // One stranger among five good ones.
            for (int good = 0; good < 5; good++)
            {
                Know(1000 + (5 * i) + good, 100);
            }

            d.Discover(source, [NodeOf(1 + i), .. Range(1000 + (5 * i), 5)]);
            List<DialRequest> dials = d.TakeDials();
            int stranger = dials.FindIndex(r => !_standings.ContainsKey(r.Node.Id));
            Assert.True(stranger is 0 or 1, $"the stranger is dialed after {stranger} others, or not at all");
            d.AdvanceSeconds(1);
            d.TakeDials();
        }
    }

    [Fact]
    public void A_node_in_disrepute_is_not_dialed_until_it_has_recovered()
    {
        DialDriver d = Create(maxDialed: 10);
        int source = d.AddSource();
        _standings[Id(1)] = new DialStanding(-50, IsShunned: true, IsBanned: false);
        _standings[Id(2)] = new DialStanding(0, IsShunned: false, IsBanned: true);
        d.Discover(source, NodeOf(1), NodeOf(2));
        d.AdvanceSeconds(10);
        Assert.Empty(d.TakeDials());
        Assert.Equal([DialRefusal.Shunned, DialRefusal.Banned], d.Refusals);

        // Not even when it was neutral at the time of its offer.
        d.Discover(source, NodeOf(3));
        _standings[Id(3)] = _standings[Id(1)];
        d.AdvanceSeconds(10);
        Assert.Empty(d.TakeDials());

        _standings.Clear();
        d.Discover(source, NodeOf(1), NodeOf(2), NodeOf(3));
        d.AdvanceSeconds(10);
        Assert.Equal(3, d.TakeDials().Count);
    }

    [Fact]
    public void A_static_node_is_dialed_whatever_is_known_of_it()
    {
        DialDriver d = Create(maxDialed: 10);
        _standings[Id(1)] = new DialStanding(-50, IsShunned: true, IsBanned: false);
        d.AddStatic(NodeOf(1));
        Assert.Single(d.TakeDials());
    }

    private DialDriver Create(int maxDialed, int maxActive = 50) =>
        new(maxDialed, maxActive, standing: id => _standings.GetValueOrDefault(id));

    private void Know(int number, double score) => _standings[Id(number)] = new DialStanding(score, IsShunned: false, IsBanned: false);
}
