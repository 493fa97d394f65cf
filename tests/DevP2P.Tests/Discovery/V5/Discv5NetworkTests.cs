using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Machines among themselves.</summary>
public sealed class Discv5NetworkTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void A_ping_to_a_stranger_makes_a_session_and_is_answered()
    {
        var net = new V5Net();
        V5Machine a = net.AddMachine().Start();
        V5Machine b = net.AddMachine().Start();

        long id = a.Machine.StartPing(net.Now, b.Node);
        PingReply? reply = a.Wait<PingDone>(done => done.Id == id, Second).Reply;

        Assert.NotNull(reply);
        Assert.Equal(a.EndPoint, reply.SeenAs);
        Assert.Equal(b.Node.Sequence, reply.RecordSequence);
        Assert.Equal(1, a.Machine.SessionCount);
        Assert.Equal(1, b.Machine.SessionCount);
        // Random packet, WHOAREYOU, handshake, pong.
        Assert.Equal(4, net.Sent.Count);
        Assert.Equal(0, a.Machine.CallCount);
    }

    [Fact]
    public void A_network_of_one_bootstrap_node_finds_itself()
    {
        var net = new V5Net();
        V5Machine first = net.AddMachine().Start();
        List<V5Machine> machines = [first];
        while (machines.Count < 20)
        {
            // Only nodes that have passed a liveness check are named to others.
            net.Run(5 * Second);
            machines.Add(net.AddMachine(null, first.Node).Start());
        }

        net.Run(TimeSpan.FromMinutes(1));

        foreach (V5Machine machine in machines)
        {
            Assert.True(machine.Machine.Table.Count >= 15, $"{machine.Machine.Table.Count} nodes in a table");
        }

        NodeId target = machines[7].Node.Id;
        long id = machines[3].Machine.StartLookup(net.Now, target);
        IReadOnlyList<Node> found = machines[3].Wait<LookupDone>(done => done.Id == id, 20 * Second).Closest;
        NodeId[] closest = [.. machines.Where(m => m != machines[3]).Select(m => m.Node.Id)
            .OrderBy(n => n, Comparer<NodeId>.Create((x, y) => Distance.Compare(target, x, y))).Take(16)];
        Assert.Equal(closest, found.Select(n => n.Id));
    }
}
