using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using DevP2P.Tests.Threats;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

/// <summary>
/// T04, T08, T13: a million datagrams - noise, cut off, damaged, replayed, of every packet type - that nothing throws at and
/// nothing grows from.
/// </summary>
[Collection(ProcessWideCollection.Name)]
[Trait("Threat", "T04")]
[Trait("Threat", "T08")]
[Trait("Threat", "T13")]
public sealed class LegacyHostileTests
{
    private const int Million = 1_000_000;
    private const int NoiseSize = 1 << 20;

    private static readonly Topic Foo = Topic.FromText("foo");
    private readonly LegacyNet _net = new(7);
    private readonly byte[] _noise = new byte[NoiseSize];
    private readonly byte[] _buffer = new byte[Codec.MaxPacketSize];
    private readonly List<byte[]> _genuine = [];

    public LegacyHostileTests() => _net.Fill(_noise);

    [Fact]
    public async Task A_million_hostile_datagrams_never_throw_and_memory_stays_flat()
    {
        Timestamp now = Record();
        var local = new LocalNode(_net.NewKey(), now.Utc);
        var options = new LegacyOptions { Local = local, Encode = LegacyOptions.EncodeWith(static (_, s) => s.Clear()), Random = new SeededSource(_net) };
        LegacyDiscovery machine = new(options, now);
        machine.TryRegisterTopic(now, Foo);
        machine.TrySearchTopic(now, Foo, TimeSpan.FromSeconds(1));
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
                    machine.StartLookup(now, default);
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

            Assert.InRange(machine.RequestCount, 0, 64);
            return Task.CompletedTask;
        });

        Assert.InRange(handled, Million / 200, Million / 5);
        Assert.InRange(machine.RemoteCount, 0, LegacyLimits.MaxRemotes);
        Assert.InRange(machine.TopicQueryCount, 0, TopicLimits.MaxQueries);
        Assert.InRange(machine.Table.Count, 0, NodeTable.BucketCount * Bucket.Capacity);
    }

    [Fact]
    public async Task A_host_takes_hostile_datagrams_from_its_socket_without_a_defect()
    {
        Record();
        using var log = new CapturedLog();
        await using var discovery = new TopicDiscovery(new TopicDiscoveryOptions { PrivateKey = _net.NewKey(), LoggerFactory = log });
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

                // What has not the prefix is nobody's. The system may drop some; then this waits no longer than it must.
                await DevP2P.Tests.TestNet.UntilAsync(() => discovery.Counters.Received >= before + (Batch / 5), "datagrams are received");
            }

            static long WorkedOff(DiscoveryCounters c) =>
                c.Malformed + c.OverRate + c.Repeated + c.Unwanted + c.Overflowed + c.BadSignatures + c.Handled;
            await DevP2P.Tests.TestNet.UntilAsync(() => WorkedOff(discovery.Counters) == discovery.Counters.Received, "all is worked off");
            DiscoveryCounters counters = discovery.Counters;
            Assert.True(counters is { Malformed: > 2000, Repeated: > 0, Unwanted: > 100, Handled: > 50 }, counters.ToString());
            Assert.DoesNotContain(log.Lines, static line => line.StartsWith(nameof(LogLevel.Error), StringComparison.Ordinal));

            // And it still answers.
            await using var other = new TopicDiscovery(new TopicDiscoveryOptions { PrivateKey = _net.NewKey() });
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

    private static bool IsRequest(byte[] datagram) => Codec.GetType(datagram) == PacketType.Ping;

    private static bool Receive(LegacyDiscovery machine, Timestamp now, IPEndPoint from, ReadOnlySpan<byte> datagram)
    {
        if (Codec.Check(datagram) == DecodeError.None
            && Codec.TryReadContent(datagram, out Packet? packet)
            && machine.IsWorthRecovering(now, from, packet)
            && Codec.TryRecoverSender(datagram, out PublicKey? sender))
        {
            if (packet is TopicRegister register && Codec.TryRecoverSender(register.Pong.Span, out PublicKey? signer))
            {
                register.PongSigner = signer;
            }

            machine.HandlePacket(now, from, sender, packet, datagram);
            return true;
        }

        return false;
    }

    private static void Drain(LegacyDiscovery machine, Timestamp now)
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
            datagram[Codec.HeaderSize] = (byte)(1 + _net.Next(8));
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

        // Of two thirds the prefix is right, so that more than that is tried.
        if (datagram.Length > Codec.PrefixSize && kind % 3 != 0)
        {
            Codec.Prefix.CopyTo(datagram);
        }

        return datagram;
    }

    /// <summary>Real packets of every type: what machines said to each other, some of which expires soon, and others that never do.</summary>
    private Timestamp Record()
    {
        LegacyMachine first = _net.AddMachine();
        LegacyMachine second = _net.AddMachine(null, first.Node);
        _net.IsLost = (_, _, datagram) =>
        {
            _genuine.Add(datagram);
            return false;
        };
        first.Start();
        second.Start();
        first.Machine.TryRegisterTopic(first.Now, Foo);
        second.Machine.TrySearchTopic(second.Now, Foo, TimeSpan.FromSeconds(10));
        first.Drain();
        second.Drain();
        _net.Run(TimeSpan.FromMinutes(4));
        _net.IsLost = static (_, _, _) => false;
        byte[][] few = [.. _genuine.GroupBy(static d => Codec.GetType(d)).SelectMany(static g => g.TakeLast(8))];

        // All but the question for nodes by key, which nobody asks any more.
        Assert.Equal(7, few.Select(static d => Codec.GetType(d)).Distinct().Count());
        _genuine.Clear();
        _genuine.AddRange(few);

        LegacyPeer peer = _net.AddPeer();
        var to = new Endpoint(first.EndPoint, 1);
        const ulong Never = long.MaxValue;
        Neighbor[] nodes = [.. Enumerable.Range(0, 12).Select(_ => new Neighbor(to, peer.Key.PublicKey.Bytes.ToArray()))];
        var pong = new Pong(to, default(PacketHash), peer.MakeTicket([Foo]));
        Packet[] packets =
        [
            new Ping(4, to, to, Never, [Foo]),
            pong,
            new FindNode(new byte[64], Never),
            new FindNodeHash(default, Never),
            new Neighbors(nodes, Never),
            new TopicRegister([Foo], 0, peer.Encode(pong, out _)),
            new TopicQuery(Foo, 0),
            new TopicNodes(default, nodes),
        ];
        _genuine.AddRange(Enumerable.Range(0, 5).SelectMany(_ => packets.Select(p => peer.Encode(p, out PacketHash _))));
        return _net.Now;
    }

    private sealed class SeededSource(LegacyNet net) : RandomSource
    {
        public override void Fill(Span<byte> destination) => net.Fill(destination);
    }
}
