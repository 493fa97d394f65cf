using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

/// <summary>Many machines in one network.</summary>
public sealed class LegacyNetworkTests
{
    [Fact]
    public void Nodes_find_one_another_resolve_and_repeat_themselves_byte_for_byte()
    {
        (LegacyNet net, LegacyMachine[] machines) = Build(40);
        LegacyMachine last = machines[^1];
        NodeId target = machines[7].Node.Id;

        long id = last.Machine.StartLookup(last.Now, target);
        LookupDone found = last.Wait<LookupDone>(l => l.Id == id, TimeSpan.FromSeconds(30));
        Assert.Equal(
            machines.Where(m => m != last).Select(m => m.Node.Id).OrderBy(n => n, Comparer<NodeId>.Create((a, b) => Distance.Compare(target, a, b))).Take(16),
            found.Closest.Select(n => n.Id));

        id = last.Machine.Resolve(last.Now, Node.Create(machines[7].Node.PublicKey, null, 0, 0));
        Node? resolved = last.Wait<ResolveDone>(r => r.Id == id, TimeSpan.FromSeconds(30)).Node;
        Assert.Equal(machines[7].EndPoint, resolved?.UdpEndPoint);

        id = last.Machine.Resolve(last.Now, Node.Create(net.NewKey().PublicKey, null, 0, 0));
        Assert.Null(last.Wait<ResolveDone>(r => r.Id == id, TimeSpan.FromSeconds(30)).Node);

        Assert.Equal(10, last.Machine.GetRandomNodes(10).Distinct().Count());
        (LegacyNet again, _) = Build(40);
        (LegacyNet third, _) = Build(40);
        Assert.Equal(again.Sent, third.Sent);
    }

    [Fact]
    public void Lost_datagrams_only_take_longer()
    {
        var net = new LegacyNet(3, fakeSignatures: true);
        net.IsLost = (_, _, _) => net.Next(10) == 0;
        LegacyMachine[] machines = Start(net, 20);

        net.Run(TimeSpan.FromMinutes(10));

        Assert.All(machines, m => Assert.InRange(m.Machine.Table.Count, 10, 19));
    }

    [Fact]
    public void Fallback_nodes_can_be_set_later()
    {
        var net = new LegacyNet(5, fakeSignatures: true);
        LegacyMachine first = net.AddMachine().Start();
        LegacyMachine second = net.AddMachine().Start();
        net.Run(TimeSpan.FromSeconds(30));
        Assert.Equal(0, second.Machine.Table.Count);

        second.Machine.SetFallbackNodes(second.Now, [first.Node]);
        second.Drain();
        net.Run(TimeSpan.FromSeconds(15));

        Assert.Equal(1, second.Machine.Table.Count);
    }

    private static (LegacyNet Net, LegacyMachine[] Machines) Build(int count)
    {
        var net = new LegacyNet(11, fakeSignatures: true);
        LegacyMachine[] machines = Start(net, count);
        net.Run(TimeSpan.FromMinutes(5));
        return (net, machines);
    }

    private static LegacyMachine[] Start(LegacyNet net, int count)
    {
        LegacyMachine first = net.AddMachine().Start();
        return [first, .. Enumerable.Range(1, count - 1).Select(_ => net.AddMachine(null, first.Node).Start())];
    }
}
