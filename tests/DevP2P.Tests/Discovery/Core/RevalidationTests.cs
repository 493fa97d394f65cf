using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Discovery.Core.TableNodes;

namespace DevP2P.Tests.Discovery.Core;

public sealed class RevalidationTests
{
    [Fact]
    public void A_new_node_is_checked_within_three_seconds_and_then_counts_as_live()
    {
        NodeTable table = CreateTable();
        Assert.Null(table.NextTimeout);
        table.AddFound(Start, NodeOf(1), Sender);
        (Timestamp now, LivenessCheck check) = NextCheck(table, Start);
        Assert.InRange(now - Start, TimeSpan.Zero, TimeSpan.FromSeconds(3));
        Assert.Equal(NodeOf(1), check.Node);
        Assert.False(check.Entry.IsLive);

        table.CheckPassed(now, check);
        Assert.True(check.Entry.IsLive);
        Assert.Equal(1, check.Entry.LivenessChecks);
        (Timestamp next, _) = NextCheck(table, now);
        Assert.InRange(next - now, TimeSpan.Zero, TimeSpan.FromSeconds(9));
    }

    [Fact]
    public void Nothing_is_due_before_its_time()
    {
        NodeTable table = CreateTable(seed: 3);
        table.AddFound(Start, NodeOf(1), Sender);
        table.Drain();
        Timestamp due = At(table.NextTimeout);
        table.HandleTimeout(due + TimeSpan.FromTicks(-1));
        Assert.Empty(table.Drain());
        table.HandleTimeout(due);
        Assert.Single(table.Drain());
    }

    [Fact]
    public void Proven_nodes_are_checked_three_times_less_often()
    {
        // One node only, so that it is checked whenever its list has its turn.
        NodeTable table = CreateTable(seed: 1);
        table.AddFound(Start, NodeOf(1), Sender);
        int checks = 0;
        table.Run(Start, TimeSpan.FromHours(1), _ => true, (_, o) => checks += o.Kind is TableOutputKind.Check ? 1 : 0);
        Assert.InRange(checks, 720, 880);

        // The other moves after each check, so that it is never proven.
        (Timestamp now, checks) = (Start, 0);
        table = CreateTable(seed: 1);
        table.AddFound(Start, NodeOf(1), Sender);
        while (now - Start < TimeSpan.FromHours(1))
        {
            (now, LivenessCheck check) = NextCheck(table, now);
            table.CheckPassed(now, check);
            table.AddInbound(now, Node.Create(KeyOf(1), AddressOf(1), 30303, 1 + checks++));
        }

        Assert.InRange(checks, 3 * 720, 3 * 880);
    }

    [Fact]
    public void Every_node_is_checked()
    {
        NodeTable table = CreateTable();
        for (int i = 0; i < 300; i++)
        {
            table.AddFound(Start, NodeOf(i), Sender);
        }

        var isChecked = new HashSet<NodeId>();
        table.Run(Start, TimeSpan.FromHours(2), _ => true, (_, o) => isChecked.Add(o.Node.Id));
        Assert.True(isChecked.IsSupersetOf(table.GetNodes().Select(n => n.Id)));
        Assert.All(table.GetNodes(), n => Assert.True(table.TryGet(n.Id, out TableEntry? e) && e.IsLive));
    }

    [Fact]
    public void A_node_that_never_answered_goes_and_a_replacement_comes_and_is_checked_too()
    {
        NodeTable table = CreateTable();
        List<int> numbers = [.. InBucket(table, 16).Take(17)];
        numbers.ForEach(n => table.AddFound(Start, NodeOf(n), Sender));
        var isUp = numbers[1..].Select(IdOf).ToHashSet();
        var isChecked = new HashSet<NodeId>();
        table.Run(Start, TimeSpan.FromMinutes(10), n => isUp.Contains(n.Id), (_, o) => isChecked.Add(o.Node.Id));
        Assert.Equal(isUp, table.GetEntries(16).ToArray().Select(e => e.Node.Id).ToHashSet());
        Assert.True(table.TryGet(IdOf(numbers[16]), out TableEntry? entry));
        Assert.True(entry.IsLive);
        Assert.Contains(IdOf(numbers[16]), isChecked);
    }

    [Fact]
    public void A_dead_network_empties_the_table()
    {
        NodeTable table = CreateTable();
        for (int i = 0; i < 100; i++)
        {
            table.AddFound(Start, NodeOf(i), Sender);
        }

        table.Run(Start, TimeSpan.FromHours(1), _ => false);
        Assert.Equal(0, table.Count);
        Assert.Empty(table.GetNodes(withReplacements: true));
        Assert.Null(table.NextTimeout);
        Assert.Equal(0, table.ActiveChecks);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(9, 3)]
    public void A_failure_divides_what_was_proven_by_three(int passed, int failuresToGo)
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        Timestamp now = Start;
        for (int i = 0; i < passed + failuresToGo; i++)
        {
            Assert.Equal(1, table.Count);
            (now, LivenessCheck check) = NextCheck(table, now);
            if (i < passed)
            {
                table.CheckPassed(now, check);
            }
            else
            {
                table.CheckFailed(now, check);
                Assert.InRange(table.NextTimeout is TimeSpan next ? next - now.Monotonic : default, TimeSpan.Zero, TimeSpan.FromSeconds(3));
            }
        }

        Assert.Equal(0, table.Count);
    }

    [Fact]
    public void A_node_is_not_checked_again_while_a_check_runs()
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        (Timestamp now, LivenessCheck check) = NextCheck(table, Start);

        // Not even if it was removed and found again meanwhile.
        table.Remove(now, IdOf(1));
        table.AddFound(now, NodeOf(1), Sender);
        table.Drain();
        for (int i = 0; i < 20; i++)
        {
            now = At(table.NextTimeout);
            table.HandleTimeout(now);
        }

        Assert.Empty(table.Drain());
        Assert.Equal(1, table.ActiveChecks);

        // The old check says nothing about the new entry.
        table.CheckPassed(now, check);
        Assert.True(table.TryGet(IdOf(1), out TableEntry? entry));
        Assert.False(entry.IsLive);
        Assert.Equal(check.Node, NextCheck(table, now).Check.Node);
    }

    [Fact]
    public void The_outcome_counts_once_and_not_for_a_node_that_is_gone()
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        (Timestamp now, LivenessCheck check) = NextCheck(table, Start);
        table.CheckPassed(now, check);
        table.CheckPassed(now, check);
        table.CheckFailed(now, check);
        Assert.Equal(1, check.Entry.LivenessChecks);

        (now, check) = NextCheck(table, now);
        table.Remove(now, IdOf(1));
        table.Drain();
        table.CheckPassed(now, check);
        Assert.Equal(0, table.Count);
        Assert.Empty(table.Drain());
        Assert.Null(table.NextTimeout);
    }

    [Fact]
    public void The_outcome_says_nothing_about_another_endpoint()
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        (Timestamp now, LivenessCheck check) = NextCheck(table, Start);
        table.AddInbound(now, NodeOf(1, "9.9.9.9"));
        table.CheckPassed(now, check);
        Assert.False(check.Entry.IsLive);

        (now, check) = NextCheck(table, now);
        Assert.Equal(IPAddress.Parse("9.9.9.9"), check.Node.Address);
        table.AddInbound(now, NodeOf(1, "9.9.9.8"));
        table.CheckFailed(now, check);
        Assert.Equal(1, table.Count);
    }

    [Fact]
    public void A_node_that_moves_is_not_live_until_it_answers_there()
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        (Timestamp now, LivenessCheck check) = NextCheck(table, Start);
        table.CheckPassed(now, check);
        table.AddInbound(now, NodeOf(1, "9.9.9.9"));
        Assert.False(check.Entry.IsLive);
        (Timestamp next, check) = NextCheck(table, now);
        Assert.InRange(next - now, TimeSpan.Zero, TimeSpan.FromSeconds(3));
        table.CheckPassed(next, check);
        Assert.True(check.Entry.IsLive);
    }

    [Theory]
    [InlineData("8.8.8.8", 30303, true)]
    [InlineData("9.9.9.9", 30303, false)]
    [InlineData("8.8.8.8", 30304, false)]
    public void A_newer_record_is_taken_over_and_a_new_endpoint_in_it_is_checked_soon(string address, int port, bool isLive)
    {
        NodeTable table = CreateTable();
        PrivateKey key = PrivateKeyOf(1);
        table.AddFound(Start, Signed(key, 1, "8.8.8.8"), Sender);
        (Timestamp now, LivenessCheck check) = NextCheck(table, Start);
        table.CheckPassed(now, check, Signed(key, 2, address, port));
        Assert.Equal(2u, check.Entry.Node.Sequence);
        Assert.Equal(isLive, check.Entry.IsLive);
        Assert.Equal(1, check.Entry.LivenessChecks);
    }

    [Theory]
    [InlineData(1ul, "9.9.9.9")]
    [InlineData(0ul, "9.9.9.9")]
    [InlineData(2ul, "10.0.0.1")]
    [InlineData(2ul, "192.0.2.1")]
    public void A_record_that_is_not_newer_or_not_allowed_changes_nothing(ulong sequence, string address)
    {
        NodeTable table = CreateTable();
        PrivateKey key = PrivateKeyOf(1);
        table.AddFound(Start, Signed(key, 1, "8.8.8.8"), Sender);
        (Timestamp now, LivenessCheck check) = NextCheck(table, Start);
        table.CheckPassed(now, check, Signed(key, sequence, address));
        Assert.Equal(1u, check.Entry.Node.Sequence);
        Assert.True(check.Entry.IsLive);

        (now, check) = NextCheck(table, now);
        table.CheckPassed(now, check, Signed(PrivateKeyOf(2), 9, "8.8.8.8"));
        Assert.Equal(key.PublicKey.NodeId, check.Entry.Node.Id);
    }

    [Fact]
    public void The_same_seed_gives_the_same_checks()
    {
        Assert.Equal(Checks(5), Checks(5));
        Assert.NotEqual(Checks(5), Checks(6));

        static List<(TimeSpan, NodeId)> Checks(int seed)
        {
            NodeTable table = CreateTable(seed);
            for (int i = 0; i < 50; i++)
            {
                table.AddFound(Start, NodeOf(i), Sender);
            }

            var checks = new List<(TimeSpan, NodeId)>();
            table.Run(Start, TimeSpan.FromMinutes(2), n => n.Id.GetHashCode() % 2 == 0, (now, o) => checks.Add((now.Monotonic, o.Node.Id)));
            return checks;
        }
    }

    private static (Timestamp Now, LivenessCheck Check) NextCheck(NodeTable table, Timestamp now)
    {
        for (int i = 0; i < 100; i++)
        {
            now = At(table.NextTimeout);
            table.HandleTimeout(now);
            if (table.Drain().FirstOrDefault(o => o.Kind is TableOutputKind.Check) is { Entry: not null } output)
            {
                return (now, output.Check);
            }
        }

        throw new InvalidOperationException("no check");
    }

    private static Timestamp At(TimeSpan? monotonic) => Start + (monotonic!.Value - Start.Monotonic);
}
