using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;
using DevP2P.Rlp;
using DevP2P.Tests.Threats;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>
/// T04, T08, T13: a million datagrams - noise, cut off, damaged, replayed, of every packet type - that nothing throws at and
/// nothing grows from.
/// </summary>
[Collection(ProcessWideCollection.Name)]
[Trait("Threat", "T04")]
[Trait("Threat", "T08")]
[Trait("Threat", "T13")]
public sealed class Discv4HostileTests
{
    private const int Million = 1_000_000;
    private const int NoiseSize = 1 << 20;

    private readonly TestNet _net = new(7);
    private readonly byte[] _noise = new byte[NoiseSize];
    private readonly byte[] _buffer = new byte[Codec.MaxPacketSize];
    private readonly List<byte[]> _genuine = [];

    public Discv4HostileTests() => _net.Fill(_noise);

    [Fact]
    public async Task A_million_hostile_datagrams_never_throw_and_memory_stays_flat()
    {
        Timestamp now = Record();
        var local = new LocalNode(_net.NewKey(), now.Utc);
        Discv4 machine = new(new Discv4Options { Local = local, Encode = Discv4Options.EncodeWith(static (_, s) => s.Clear()), Random = new SeededSource(_net) }, now);
        Node[] peers = [.. Enumerable.Range(0, 8).Select(_ => _net.AddPeer().Node)];
        int handled = 0;

        await ProcessState.AssertFlatAsync(null, Million / 10, Million - (Million / 10), count =>
        {
            for (int i = 0; i < count; i++)
            {
                IPEndPoint from = peers[_net.Next(peers.Length)].UdpEndPoint!;
                handled += Receive(machine, now, from, Next()) ? 1 : 0;
                if (i % 500 == 0)
                {
                    // It waits for answers of every kind all the time.
                    machine.StartPing(now, peers[_net.Next(peers.Length)]);
                    machine.RequestRecord(now, peers[_net.Next(peers.Length)]);
                    machine.StartLookup(now, new byte[FindNode.TargetSize]);
                    now += TimeSpan.FromMilliseconds(100);
                    machine.HandleTimeout(now);
                }

                Drain(machine, now);
            }

            // What still waits ends, so that it is not counted.
            for (int i = 0; i < 100; i++)
            {
                now += TimeSpan.FromMilliseconds(100);
                machine.HandleTimeout(now);
                Drain(machine, now);
            }

            Assert.Equal(0, machine.RequestCount);
            return Task.CompletedTask;
        });

        Assert.InRange(handled, Million / 200, Million / 5);
        Assert.InRange(machine.ContactCount, 0, Discv4Limits.MaxContacts);
        Assert.InRange(machine.Table.Count, 0, NodeTable.BucketCount * Bucket.Capacity);
    }

    [Fact]
    public async Task A_host_takes_hostile_datagrams_from_its_socket_without_a_defect()
    {
        Record();
        using var log = new CapturedLog();
        await using var discovery = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = _net.NewKey(), LoggerFactory = log });
        await discovery.StartAsync();
        Socket[] sockets = [.. Enumerable.Range(0, 4).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))];
        try
        {
            const int Batch = 250;
            for (int sent = 0; sent < 20_000; sent += Batch)
            {
                long before = discovery.Counters.Received;
                for (int i = 1; i < Batch; i++)
                {
                    sockets[_net.Next(sockets.Length)].SendTo(Next(), discovery.LocalEndPoint!);
                }

                // One request is replayed each time, more often than honest nodes do.
                sockets[0].SendTo(_genuine.First(IsRequest), discovery.LocalEndPoint!);

                // The system may drop some; then this waits no longer than it must.
                await DevP2P.Tests.TestNet.UntilAsync(() => discovery.Counters.Received >= before + (Batch / 2), "datagrams are received");
            }

            static long WorkedOff(DiscoveryCounters c) =>
                c.Malformed + c.OverRate + c.Repeated + c.Unwanted + c.Overflowed + c.BadSignatures + c.Handled;
            await DevP2P.Tests.TestNet.UntilAsync(() => WorkedOff(discovery.Counters) == discovery.Counters.Received, "all is worked off");
            DiscoveryCounters counters = discovery.Counters;
            Assert.True(counters is { Malformed: > 5000, Repeated: > 0, Unwanted: > 100, Handled: > 50 }, counters.ToString());
            Assert.DoesNotContain(log.Lines, static line => line.StartsWith(nameof(LogLevel.Error), StringComparison.Ordinal));

            // And it still answers.
            await using var other = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = _net.NewKey() });
            await other.StartAsync();
            DiscoveryPing? pong = null;
            for (int tries = 0; pong is null && tries < 20; tries++)
            {
                pong = await other.PingAsync(discovery.Self);
            }

            Assert.NotNull(pong);
        }
        finally
        {
            foreach (Socket socket in sockets)
            {
                socket.Dispose();
            }
        }
    }

    private static bool IsRequest(byte[] datagram) => Codec.GetType(datagram) is PacketType.Ping or PacketType.FindNode;

    private static bool Receive(Discv4 machine, Timestamp now, IPEndPoint from, ReadOnlySpan<byte> datagram)
    {
        if (Codec.Check(datagram) == DecodeError.None
            && Codec.TryReadContent(datagram, out Packet? packet)
            && machine.IsWorthRecovering(now, from, packet)
            && Codec.TryRecoverSender(datagram, out PublicKey? sender))
        {
            machine.HandlePacket(now, from, sender, Codec.GetHash(datagram), packet);
            return true;
        }

        return false;
    }

    private static void Drain(Discv4 machine, Timestamp now)
    {
        while (machine.TryDequeue(out Output? output))
        {
            if (output is SeedsWanted)
            {
                machine.AddSeeds(now, []);
            }
        }
    }

    /// <summary>What is valid until it is used again.</summary>
    private ReadOnlySpan<byte> Next()
    {
        int kind = _net.Next(1000);
        if (kind < 6)
        {
            return _genuine[_net.Next(_genuine.Count)];
        }

        Span<byte> datagram = _buffer;
        if (kind < 700)
        {
            int length = _net.Next(Codec.MaxPacketSize + 40);
            ReadOnlySpan<byte> noise = _noise.AsSpan(_net.Next(NoiseSize - length), length);
            if (kind < 550 || length is < Codec.MinPacketSize or > Codec.MaxPacketSize)
            {
                return noise;
            }

            // Noise of a known type, in a list.
            datagram = datagram[..length];
            noise.CopyTo(datagram);
            datagram[Codec.HeaderSize] = (byte)(1 + _net.Next(6));
            datagram[Codec.HeaderSize + 1] = (byte)(0xC0 + Math.Min(55, length - Codec.MinPacketSize));
        }
        else
        {
            byte[] genuine = _genuine[_net.Next(_genuine.Count)];
            genuine.CopyTo(datagram);
            datagram = datagram[..genuine.Length];
            if (kind < 850)
            {
                datagram = datagram[.._net.Next(datagram.Length)];
            }
            else
            {
                for (int bits = 1 + _net.Next(4); bits > 0; bits--)
                {
                    datagram[_net.Next(datagram.Length)] ^= (byte)(1 << _net.Next(8));
                }
            }
        }

        // Of two thirds the hash is right, so that more than the hash is tried.
        if (datagram.Length > PacketHash.Size && kind % 3 != 0)
        {
            Keccak256.Hash(datagram[PacketHash.Size..], datagram[..PacketHash.Size]);
        }

        return datagram;
    }

    /// <summary>Real packets of every type: what two machines said to each other, which expires soon, and others that never do.</summary>
    private Timestamp Record()
    {
        TestMachine first = _net.AddMachine();
        TestMachine second = _net.AddMachine(null, first.Node);
        _net.IsLost = (_, _, datagram) =>
        {
            _genuine.Add(datagram);
            return false;
        };
        first.Start();
        second.Start();
        _net.Run(TimeSpan.FromSeconds(10));
        second.Machine.RequestRecord(second.Now, first.Node);
        second.Drain();
        _net.Run(TimeSpan.FromSeconds(2));
        _net.IsLost = static (_, _, _) => false;
        byte[][] few = [.. _genuine.GroupBy(static d => Codec.GetType(d)).SelectMany(static g => g.TakeLast(8))];
        Assert.Equal(6, few.Select(static d => Codec.GetType(d)).Distinct().Count());
        _genuine.Clear();
        _genuine.AddRange(few);

        TestPeer peer = _net.AddPeer();
        var to = new Endpoint(first.EndPoint, 1);
        const ulong Never = long.MaxValue;
        Packet[] packets =
        [
            new Ping(4, to, to, Never, 9),
            new Pong(to, default, Never, 9),
            new FindNode(new byte[64], Never),
            new Neighbors([.. Enumerable.Range(0, 12).Select(_ => new Neighbor(to, peer.Key.PublicKey.Bytes.ToArray()))], Never),
            new RecordRequest(Never),
            new RecordResponse(default, RlpEncoding.Encode(new object[] { new byte[64], 1, "id", "v4" })),
        ];
        _genuine.AddRange(Enumerable.Range(0, 5).SelectMany(_ => packets.Select(p => peer.Encode(p, out PacketHash _))));
        return _net.Now;
    }

    private sealed class SeededSource(TestNet net) : RandomSource
    {
        public override void Fill(Span<byte> destination) => net.Fill(destination);
    }
}
