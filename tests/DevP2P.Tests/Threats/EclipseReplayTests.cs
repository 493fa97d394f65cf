using DevP2P.Dialing;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Tests.Cli;
using DevP2P.Tests.Discovery.Core;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>
/// T01, T02, T03, end to end: an attacker with ten thousand identities in two /24s, before and after a restart with the same
/// database, against discovery, database and dialing together.
/// </summary>
[Trait("Threat", "T01")]
[Trait("Threat", "T03")]
public sealed class EclipseReplayTests : IAsyncDisposable
{
    private const int Networks = 2;
    private static readonly int Share = DialSources.GetShare(EclipseWorld.MaxDialed);

    private readonly TempDirectory _directory = new();
    private readonly EclipseWorld _world;
    private int _most;
    private int _next;

    public EclipseReplayTests() => _world = new EclipseWorld(_directory["nodes.db"]);

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Ten_thousand_identities_of_two_networks_gain_no_more_than_their_limits_before_and_after_a_restart()
    {
        // He knocks with all his keys while the table is being filled for the first time (T03), and nobody else knows him.
        for (int first = 0; !_world.IsInitialized; first += 500)
        {
            Assert.DoesNotContain(_world.Machine.Table.GetNodes(withReplacements: true), EclipseWorld.IsAttackers);
            _world.Attack(first, 500);
            _world.Run(TimeSpan.FromMilliseconds(100));
        }

        // Then he is in the tables of others, too, and has hours.
        _world.IsInfected = true;
        AttackWith(EclipseWorld.Identities);
        Endure(TimeSpan.FromHours(3));
        Assert.InRange(_most, 1, Networks * DistinctNetworks.TableLimit);
        Assert.InRange(_world.CountFound(20), 18, 20);

        // Of what the database gives back he has no more either.
        await _world.RestartAsync();
        AssertDatabase();
        Assert.InRange(_world.Seeds.Count, 20, TableRefresh.MaxSeeds);
        // They are drawn at random, and one draw may have none of his: of many, some have, and none too many.
        int[] his = [.. Enumerable.Range(0, 100).Select(_ => _world.DrawSeeds().Count(EclipseWorld.IsAttackers)), _world.Seeds.Count(EclipseWorld.IsAttackers)];
        Assert.InRange(his.Max(), 1, Networks * NodeDatabase.MaxSeedsPerNetwork);
        AttackWith(EclipseWorld.Identities);
        Endure(TimeSpan.FromMinutes(30));
        Assert.InRange(_world.CountFound(20), 18, 20);

        // Even if discovery is the only source, which then may fill everything.
        _world.EndOtherSource();
        Endure(TimeSpan.FromMinutes(30));
        Assert.InRange(CountHeld(EclipseWorld.IsAttackers), 1, Networks * DialLimits.MaxPerNetwork);
        Assert.InRange(CountHeld(n => !EclipseWorld.IsAttackers(n)), 8, EclipseWorld.MaxDialed);
    }

    /// <summary>The attack goes on, and every limit is looked at all the time.</summary>
    private void Endure(TimeSpan duration)
    {
        for (int minute = 0; minute < duration.TotalMinutes; minute += 10)
        {
            AttackWith(1000);
            _world.Run(TimeSpan.FromMinutes(10), AssertLimits);
            AssertDatabase();
        }
    }

    private void AttackWith(int identities)
    {
        for (int end = _next + identities; _next < end; _next += 500)
        {
            _world.Attack(_next, 500);
            AssertLimits();
            _world.Run(TimeSpan.FromSeconds(1), AssertLimits);
        }
    }

    private void AssertLimits()
    {
        NodeTable table = _world.Machine.Table;
        int his = 0;
        for (int b = 0; b < NodeTable.BucketCount; b++)
        {
            Node[] nodes = [.. table.GetEntries(b).ToArray().Concat(table.GetReplacements(b).ToArray()).Select(static e => e.Node)];
            his += nodes.Count(EclipseWorld.IsAttackers);
            AssertFew(nodes, DistinctNetworks.BucketLimit, "in a bucket");
        }

        AssertFew(table.GetNodes(withReplacements: true), DistinctNetworks.TableLimit, "in the table");
        _most = Math.Max(_most, his);

        Assert.InRange(_world.Machine.ContactCount, 0, 1000);
        AssertFew(_world.Held.Values.Select(static h => h.Node), DialLimits.MaxPerNetwork, "dialed");
        if (_world.OtherSource is { } other)
        {
            // Nearly all of the attacker's come from discovery, and it has no more than its share.
            Assert.InRange(_world.Held.Values.Count(h => h.Source != other), 0, Share);
        }
    }

    private void AssertDatabase()
    {
        Assert.InRange(_world.Database.GetNodes().Count(static e => e.Contacts.Any(static c => c.Address.GetAddressBytes() is [8, 8, _, _])), 1, Networks * 64);
        Assert.InRange(_world.Database.NodeCount, 200, 500);
    }

    private int CountHeld(Func<Node, bool> isIt) => _world.Held.Values.Count(h => isIt(h.Node));

    private static void AssertFew(IEnumerable<Node> nodes, int limit, string where)
    {
        foreach (IGrouping<uint, Node> network in nodes.GroupBy(static n => BitConverter.ToUInt32(n.Address!.GetAddressBytes()) & 0xFFFFFF))
        {
            Assert.True(network.Count() <= limit, $"{network.Count()} nodes near {network.First().Address} are {where}");
        }
    }
}
