using DevP2P.Crypto;
using DevP2P.Discovery.V4;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>
/// Random, truncated, damaged and replayed datagrams: nothing throws, nothing grows. How many, says
/// DEVP2P_HOSTILE_DATAGRAMS; a million is what releases are tried with.
/// </summary>
[Collection(nameof(MeasuresMemory))]
public sealed class Discv4HostileTests
{
    private static readonly int Count =
        int.TryParse(Environment.GetEnvironmentVariable("DEVP2P_HOSTILE_DATAGRAMS"), out int count) ? count : 100_000;

    private readonly TestNet _net = new(7);
    private readonly List<byte[]> _seen = [];

    [Fact]
    public void Hostile_datagrams_never_throw_and_memory_stays_flat()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer[] peers = [.. Enumerable.Range(0, 8).Select(_ => _net.AddPeer())];
        foreach (TestPeer peer in peers)
        {
            peer.Bond(machine);
            _seen.AddRange(Samples(peer, machine));
        }

        Flood(machine, peers, Count / 10);
        long early = GC.GetTotalMemory(forceFullCollection: true);
        int contacts = machine.Machine.ContactCount;
        Flood(machine, peers, Count);
        long late = GC.GetTotalMemory(forceFullCollection: true);

        Assert.InRange(late, 0, early + (early / 20) + (256 << 10));
        Assert.Equal(contacts, machine.Machine.ContactCount);
        Assert.InRange(machine.Machine.RequestCount, 0, Discv4Limits.MaxRequests);
        _net.Run(TimeSpan.FromSeconds(2));
        Assert.InRange(machine.Machine.RequestCount, 0, 8);
    }

    private void Flood(TestMachine machine, TestPeer[] peers, int datagrams)
    {
        for (int i = 0; i < datagrams; i++)
        {
            machine.Receive(peers[_net.Next(peers.Length)].EndPoint, Next());
            if (i % 500 == 0)
            {
                machine.Outputs.Clear();
                foreach (TestPeer peer in peers)
                {
                    peer.Received.Clear();
                }

                _net.Run(TimeSpan.FromMilliseconds(100));
            }
        }

        _net.Run(TimeSpan.FromSeconds(1));
        machine.Outputs.Clear();
    }

    private byte[] Next()
    {
        byte[] datagram;
        switch (_net.Next(40))
        {
            case 0: // a replay, its signature good
                return _seen[_net.Next(_seen.Count)];
            case < 25: // noise
                datagram = new byte[_net.Next(Codec.MaxPacketSize + 40)];
                _net.Fill(datagram);
                return datagram;
            case < 33: // cut off
                datagram = _seen[_net.Next(_seen.Count)];
                datagram = datagram[.._net.Next(datagram.Length)];
                break;
            default: // damaged
                datagram = [.. _seen[_net.Next(_seen.Count)]];
                for (int edits = 1 + _net.Next(4); edits > 0; edits--)
                {
                    datagram[_net.Next(datagram.Length)] = (byte)_net.Next(256);
                }

                break;
        }

        // With a hash that is right, so that more than the hash is tried.
        if (datagram.Length > PacketHash.Size)
        {
            Keccak256.Hash(datagram.AsSpan(PacketHash.Size), datagram.AsSpan(0, PacketHash.Size));
        }

        return datagram;
    }

    private IEnumerable<byte[]> Samples(TestPeer peer, TestMachine machine)
    {
        var to = new Endpoint(machine.EndPoint, 1);
        ulong never = (ulong)long.MaxValue;
        Packet[] packets =
        [
            new Ping(4, to, to, never, 9),
            new Pong(to, default, never, 9),
            new FindNode(new byte[64], never),
            new Neighbors([.. Enumerable.Range(0, 12).Select(_ => new Neighbor(to, peer.Key.PublicKey.Bytes.ToArray()))], never),
            new RecordRequest(never),
            new RecordResponse(default, RlpEncoding.Encode(new object[] { new byte[64], 1, "id", "v4" })),
        ];
        return packets.Select(p => peer.Encode(p, out _));
    }
}

/// <summary>What is measured is the memory of the whole process: nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(MeasuresMemory), DisableParallelization = true)]
public sealed class MeasuresMemory;
