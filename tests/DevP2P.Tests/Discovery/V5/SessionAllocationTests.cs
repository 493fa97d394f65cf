using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>What a request costs that is answered in a session: no memory.</summary>
public sealed class SessionAllocationTests
{
    [Theory]
    [InlineData("ping")]
    [InlineData("findnode")]
    [InlineData("findnode 0")]
    [InlineData("talk")]
    [InlineData("unknown")]
    public void A_request_in_a_session_allocates_nothing(string kind)
    {
        var net = new V5Net();
        V5Machine machine = net.AddMachine().Listen();
        V5Peer peer = net.AddPeer();
        for (int i = 1; i <= 60; i++)
        {
            Node node = V5Peer.MakeNode(net.NewKey(), new IPEndPoint(new IPAddress([53, 1, (byte)i, 1]), 30303));
            machine.Machine.Table.AddSeed(net.Now, node, isOperatorNamed: false);
            if (machine.Machine.Table.TryGet(node.Id, out _))
            {
                machine.Machine.Table.MarkLive(node);
            }
        }

        machine.Machine.OpenWalk();
        peer.Open(machine);
        const int warmUp = 200;
        const int count = 1000;
        for (int i = 0; i < warmUp + count; i++)
        {
            peer.Send(machine, kind switch
            {
                "ping" => peer.Ping(),
                "findnode" => peer.FindNode(256, 255, 254),
                "findnode 0" => peer.FindNode(0),
                "talk" => V5Peer.Write(static b => MessageCodec.WriteTalkRequest(b, new RequestId(1), "none"u8, new byte[100])),
                _ => [9, 0xC0],
            });
        }

        byte[][] datagrams = [.. net.Sent.TakeLast(warmUp + count).Select(static s => s.Datagram)];
        CompactEndPoint from = CompactEndPoint.From(peer.EndPoint);
        int answers = 0;
        long before = 0;
        for (int i = 0; i < datagrams.Length; i++)
        {
            if (i == warmUp)
            {
                (answers, before) = (0, GC.GetAllocatedBytesForCurrentThread());
            }

            machine.Machine.HandleDatagram(net.Now, from, datagrams[i]);
            _ = machine.Machine.NextTimeout;
            while (machine.Machine.Datagrams.TryDequeue(out OutgoingDatagram? datagram))
            {
                answers++;
                machine.Machine.Datagrams.Return(datagram);
            }
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(kind == "unknown" ? 0 : count, Math.Min(answers, count));
        Assert.True(allocated < count, $"{allocated} bytes for {count} packets");
    }
}
