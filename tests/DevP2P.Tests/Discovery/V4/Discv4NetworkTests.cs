using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>Machines among themselves.</summary>
public sealed class Discv4NetworkTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void Two_machines_find_each_other_from_one_side()
    {
        var net = new TestNet(1, fakeSignatures: true);
        TestMachine a = net.AddMachine().Start();
        TestMachine b = net.AddMachine(null, a.Node).Start();

        Assert.True(net.RunUntil(() => a.Machine.Table.Count == 1 && b.Machine.Table.Count == 1, 30 * Second));
        Assert.True(net.RunUntil(() => IsLive(a, b) && IsLive(b, a), 30 * Second));
    }

    [Fact]
    public void Everybody_finds_everybody_from_one_bootnode_and_lookups_find_the_closest()
    {
        TestNet net = Connected(40, out TestMachine[] machines);

        // Everybody has heard of most others, although all started at once; only the buckets limit that here.
        Assert.All(machines, m => Assert.InRange(m.Machine.Table.Count, 30, 39));
        for (int i = 0; i < 10; i++)
        {
            TestMachine from = machines[net.Next(machines.Length)];
            byte[] target = new byte[64];
            net.Fill(target);
            long id = from.Machine.StartLookup(from.Now, target);
            LookupDone done = from.Wait<LookupDone>(d => d.Id == id, 30 * Second);

            NodeId center = Hash(target);
            IEnumerable<NodeId> closest = machines.Where(m => m != from).Select(m => m.Node.Id)
                .Order(Comparer<NodeId>.Create((x, y) => Distance.Compare(center, x, y))).Take(16);
            Assert.Equal(closest, done.Closest.Select(n => n.Id));
        }
    }

    [Fact]
    public void Lookups_get_through_loss_and_dead_nodes()
    {
        TestNet net = Connected(40, out TestMachine[] machines);
        net.IsLost = (_, _, _) => net.Next(100) < 5;
        foreach (TestMachine dead in machines[30..])
        {
            dead.Stop();
        }

        // Everybody still names the 16 closest nodes of all, dead or not.
        int expected = 0;
        int found = 0;
        for (int i = 0; i < 10; i++)
        {
            TestMachine from = machines[i];
            byte[] target = new byte[64];
            net.Fill(target);
            long id = from.Machine.StartLookup(from.Now, target);
            LookupDone done = from.Wait<LookupDone>(d => d.Id == id, 60 * Second);
            NodeId center = Hash(target);
            NodeId[] live = [.. machines.Where(m => m != from).Select(m => m.Node.Id)
                .Order(Comparer<NodeId>.Create((x, y) => Distance.Compare(center, x, y))).Take(16)
                .Where(n => !machines[30..].Any(m => m.Node.Id == n))];
            expected += live.Length;
            found += done.Closest.Count(n => live.Contains(n.Id));
            Assert.All(done.Closest, n => Assert.DoesNotContain(machines[30..], m => m.Node.Id == n.Id));
        }

        Assert.InRange(found, expected * 8 / 10, expected);
    }

    [Fact]
    public void A_node_known_by_its_key_alone_is_resolved()
    {
        TestNet net = Connected(20, out TestMachine[] machines);
        TestMachine from = machines[3];
        TestMachine wanted = machines[17];
        wanted.Machine.Local.Set("hello", "world");

        long id = from.Machine.Resolve(from.Now, Node.Create(wanted.Node.PublicKey, null, 0, 0));
        Node? node = from.Wait<ResolveDone>(d => d.Id == id, 60 * Second).Node;
        Assert.Equal(wanted.Node, node);
        Assert.Equal("world"u8, node!.Record!.GetRaw("hello")[1..]);

        // Where it is said to be there is nobody.
        id = from.Machine.Resolve(from.Now, Node.Create(wanted.Node.PublicKey, IPAddress.Parse("53.1.1.1"), 1, 2000));
        Assert.Equal(wanted.Node, from.Wait<ResolveDone>(d => d.Id == id, 60 * Second).Node);

        id = from.Machine.Resolve(from.Now, Node.Create(net.NewKey().PublicKey, null, 0, 0));
        Assert.Null(from.Wait<ResolveDone>(d => d.Id == id, 60 * Second).Node);
    }

    [Fact]
    public void A_walk_brings_every_node_again_and_again()
    {
        TestNet net = Connected(20, out TestMachine[] machines);
        TestMachine from = machines[5];
        long walk = from.Machine.OpenWalk();
        for (int i = 0; i < 200; i++)
        {
            from.Machine.WantRandomNode(from.Now, walk);
        }

        from.Drain();
        Assert.True(net.RunUntil(() => from.Outputs.OfType<RandomNode>().Count() == 200, TimeSpan.FromMinutes(2)));
        Assert.Equal(19, from.Outputs.OfType<RandomNode>().Select(r => r.Node.Id).Distinct().Count());

        from.Machine.CloseWalk(walk);
        from.Machine.WantRandomNode(from.Now, walk);
        net.Run(5 * Second);
        Assert.Equal(200, from.Outputs.OfType<RandomNode>().Count());
    }

    [Fact]
    public void A_walk_of_a_node_that_knows_nobody_waits_until_somebody_comes()
    {
        var net = new TestNet(1, fakeSignatures: true);
        TestMachine lonely = net.AddMachine().Start();
        lonely.Machine.WantRandomNode(lonely.Now, lonely.Machine.OpenWalk());
        lonely.Drain();
        net.Run(TimeSpan.FromMinutes(10));
        Assert.Empty(lonely.Outputs.OfType<RandomNode>());
        // It has asked for seeds now and then, not all the time.
        Assert.InRange(lonely.Outputs.OfType<SeedsWanted>().Count(), 2, 61);

        net.AddMachine(null, lonely.Node).Start();
        Assert.True(net.RunUntil(() => lonely.Outputs.OfType<RandomNode>().Any(), TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public void Seeds_of_an_earlier_run_are_as_good_as_a_bootnode()
    {
        TestNet net = Connected(10, out TestMachine[] machines);
        TestMachine restarted = net.AddMachine();
        restarted.Seeds = [machines[4].Node];
        restarted.Start();

        Assert.True(net.RunUntil(() => restarted.Machine.Table.Count >= 9, TimeSpan.FromMinutes(2)));
    }

    [Fact]
    public void A_lookup_with_an_empty_table_fills_it_first()
    {
        TestNet net = Connected(10, out TestMachine[] machines);
        TestMachine late = net.AddMachine(null, machines[0].Node).Start();

        long id = late.Machine.StartLookup(late.Now, new byte[64]);

        Assert.Equal(10, late.Wait<LookupDone>(d => d.Id == id, 60 * Second).Closest.Count);

        TestMachine lonely = net.AddMachine().Start();
        id = lonely.Machine.StartLookup(lonely.Now, new byte[64]);
        Assert.Empty(lonely.Wait<LookupDone>(d => d.Id == id, 60 * Second).Closest);
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        string Run(int seed)
        {
            TestNet net = Connected(8, out TestMachine[] machines, seed);
            return string.Join(' ', machines.Select(m => $"{m.BytesIn}:{m.BytesOut}:{m.Machine.Table.Count}")) + net.Sent;
        }

        Assert.Equal(Run(3), Run(3));
        Assert.NotEqual(Run(3), Run(4));
    }

    private static TestNet Connected(int count, out TestMachine[] machines, int seed = 1)
    {
        var net = new TestNet(seed, fakeSignatures: true);
        TestMachine bootnode = net.AddMachine().Start();
        machines = [bootnode, .. Enumerable.Range(1, count - 1).Select(_ => net.AddMachine(null, bootnode.Node).Start())];
        net.Run(60 * Second);
        return net;
    }

    private static bool IsLive(TestMachine a, TestMachine b) => a.Machine.Table.TryGet(b.Node.Id, out TableEntry? entry) && entry.IsLive;

    private static NodeId Hash(byte[] target)
    {
        byte[] hash = new byte[32];
        DevP2P.Crypto.Keccak256.Hash(target, hash);
        return new NodeId(hash);
    }
}
