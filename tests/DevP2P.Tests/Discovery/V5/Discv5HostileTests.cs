using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Discovery.V5;
using DevP2P.NetUtil;
using DevP2P.Tests.Threats;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>
/// T05, T08, T13: a million datagrams - noise, cut off, damaged, replayed, of every packet type - that nothing throws at, nothing
/// grows from and no session ends by.
/// </summary>
[Collection(ProcessWideCollection.Name)]
[Trait("Threat", "T05")]
[Trait("Threat", "T08")]
[Trait("Threat", "T13")]
public sealed class Discv5HostileTests
{
    private const int Million = 1_000_000;
    private const int NoiseSize = 1 << 20;

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly V5Net _net = new(7);
    private readonly byte[] _noise = new byte[NoiseSize];
    private readonly byte[] _buffer = new byte[PacketCodec.MaxPacketSize + 40];
    private readonly List<byte[]> _genuine = [];
    private readonly V5Machine _target;
    private readonly V5Machine[] _friends;
    private readonly AesBlock _mask;

    public Discv5HostileTests()
    {
        _net.Fill(_noise);
        _target = _net.AddMachine().Start();
        _friends = [.. Enumerable.Range(0, 4).Select(_ => _net.AddMachine().Start())];
        _mask = PacketCodec.CreateMask(_target.Node.Id);
        Record();
    }

    [Fact]
    public async Task A_million_hostile_datagrams_never_throw_leave_sessions_alive_and_memory_flat()
    {
        IPEndPoint[] sources =
        [
            .. _friends.Select(f => f.EndPoint),
            .. Enumerable.Range(0, 60).Select(i => new IPEndPoint(new IPAddress([61, 1, (byte)(1 + i), 9]), 30303)),
        ];
        Discv5Counts before = _target.Machine.Counts;
        int most = 0;
        await ProcessState.AssertFlatAsync(null, Million / 10, Million - (Million / 10), count =>
        {
            for (int i = 0; i < count; i++)
            {
                _target.Machine.HandleDatagram(_net.Now, CompactEndPoint.From(sources[_net.Next(sources.Length)]), Next());
                if (i % 50 == 0)
                {
                    // It waits for answers all the time.
                    _target.Machine.StartPing(_net.Now, _friends[_net.Next(_friends.Length)].Node);
                    _target.Drain();
                    most = Math.Max(most, _target.Machine.ChallengeCount);
                    _net.Run(TimeSpan.FromMilliseconds(10));
                    Forget();
                }
            }

            _target.Drain();
            _net.Run(3 * Second);
            Forget();
            return Task.CompletedTask;
        });

        Discv5Counts after = _target.Machine.Counts;
        Assert.InRange(after.Malformed - before.Malformed, Million / 4, Million);
        Assert.InRange(after.Unwanted - before.Unwanted, Million / 200, Million);
        Assert.InRange(after.Handled - before.Handled, 1000, Million);
        Assert.InRange(after.HandshakesRejected - before.HandshakesRejected, 10, Million);
        Assert.InRange(most, 1, Discv5Limits.MaxChallenges);
        Assert.InRange(_target.Machine.Table.Count, 1, _friends.Length);
        Assert.Equal(_friends.Length, _target.Machine.SessionCount);
        Assert.Equal(before.HandshakesAccepted, after.HandshakesAccepted);
        foreach (V5Machine friend in _friends)
        {
            long accepted = friend.Machine.Counts.HandshakesAccepted;
            long id = friend.Machine.StartPing(_net.Now, _target.Node);
            Assert.NotNull(friend.Wait<PingDone>(done => done.Id == id, 2 * Second).Reply);
            Assert.Equal(accepted, friend.Machine.Counts.HandshakesAccepted);
        }

        Assert.Equal(before.HandshakesAccepted, _target.Machine.Counts.HandshakesAccepted);
    }

    [Fact]
    public async Task A_host_takes_hostile_datagrams_from_its_socket_without_a_defect()
    {
        using var log = new CapturedLog();
        await using var discovery = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = _target.Key, LoggerFactory = log });
        await discovery.StartAsync();
        await using var other = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = _net.NewKey() });
        await other.StartAsync();
        Assert.NotNull(await PingAsync(other, discovery));
        long accepted = discovery.Counters.HandshakesAccepted;
        Socket[] sockets = [.. Enumerable.Range(0, 4).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))];
        try
        {
            const int Batch = 250;
            for (int sent = 0; sent < 20_000; sent += Batch)
            {
                long before = discovery.Counters.Received;
                int mine = 0;
                for (int i = 0; i < Batch; i++)
                {
                    Span<byte> datagram = Next();
                    mine += PacketCodec.Check(_mask, datagram) == PacketError.None ? 1 : 0;
                    sockets[_net.Next(sockets.Length)].SendTo(datagram, discovery.LocalEndPoint!);
                }

                // The system may drop some; then this waits no longer than it must.
                await DevP2P.Tests.TestNet.UntilAsync(() => discovery.Counters.Received >= before + (mine / 2), "datagrams are received");
            }

            // It still answers, and who had a session needs no other.
            Assert.NotNull(await PingAsync(other, discovery));
            DiscoveryV5Counters counters = discovery.Counters;
            Assert.Equal(accepted, counters.HandshakesAccepted);
            Assert.True(counters is { Malformed: > 500, Unwanted: > 100, ChallengesSent: > 100 }, counters.ToString());
            Assert.DoesNotContain(log.Lines, static line => line.StartsWith(nameof(LogLevel.Error), StringComparison.Ordinal));
        }
        finally
        {
            foreach (Socket socket in sockets)
            {
                socket.Dispose();
            }
        }
    }

    private static async Task<DiscoveryPing?> PingAsync(DiscoveryV5 from, DiscoveryV5 to)
    {
        DiscoveryPing? pong = null;
        for (int tries = 0; pong is null && tries < 20; tries++)
        {
            pong = await from.PingAsync(to.Self);
        }

        return pong;
    }

    private void Forget()
    {
        _net.Sent.Clear();
        _target.Outputs.Clear();
        foreach (V5Machine friend in _friends)
        {
            friend.Outputs.Clear();
        }
    }

    /// <summary>What is valid until it is used again, and may be written to.</summary>
    private Span<byte> Next()
    {
        int kind = _net.Next(1000);
        int length = _net.Next(_buffer.Length);
        Span<byte> datagram = _buffer.AsSpan(0, length);
        if (kind < 500)
        {
            _noise.AsSpan(_net.Next(NoiseSize - length), length).CopyTo(datagram);
            return kind >= 200 && length > PacketCodec.PrefixSize + PacketCodec.HandshakeHeadSize ? MakeHead(datagram) : datagram;
        }

        byte[] genuine = _genuine[_net.Next(_genuine.Count)];
        genuine.CopyTo(_buffer, 0);
        datagram = _buffer.AsSpan(0, genuine.Length);
        if (kind < 700)
        {
            return datagram[.._net.Next(datagram.Length)];
        }

        for (int bits = kind < 980 ? 1 + _net.Next(4) : 0; bits > 0; bits--)
        {
            datagram[_net.Next(datagram.Length)] ^= (byte)(1 << _net.Next(8));
        }

        return datagram;
    }

    /// <summary>Noise for us, of a known or unknown type, often with a size that the type may have.</summary>
    private Span<byte> MakeHead(Span<byte> datagram)
    {
        const int FlagOffset = PacketCodec.MaskingIvSize + 8;
        int flag = _net.Next(4);
        int size = _net.Next(4) == 0 ? _net.Next(ushort.MaxValue) : flag switch
        {
            0 => PacketCodec.MessageAuthSize,
            1 => PacketCodec.WhoAreYouSize,
            _ => PacketCodec.HandshakeSize + _net.Next(300),
        };
        "discv5\0\x01"u8.CopyTo(datagram[PacketCodec.MaskingIvSize..]);
        datagram[FlagOffset] = (byte)flag;
        (datagram[PacketCodec.PrefixSize - 2], datagram[PacketCodec.PrefixSize - 1]) = ((byte)(size >> 8), (byte)size);
        datagram = flag == 1 ? datagram[..PacketCodec.MinPacketSize] : datagram;
        int head = Math.Min(datagram.Length, PacketCodec.PrefixSize + size);
        if (head > PacketCodec.PrefixSize + PacketCodec.HandshakeHeadSize)
        {
            datagram[PacketCodec.PrefixSize + PacketCodec.MessageAuthSize] = 64;
            datagram[PacketCodec.PrefixSize + PacketCodec.MessageAuthSize + 1] = 33;
        }

        if (flag != 1)
        {
            _friends[_net.Next(_friends.Length)].Node.Id.CopyTo(datagram[PacketCodec.PrefixSize..]);
        }

        PacketCodec.MaskHead(_mask, datagram, head);
        return datagram;
    }

    /// <summary>Real packets of all three flags to the target: handshakes both ways and what is said in the sessions.</summary>
    private void Record()
    {
        _net.Run(5 * Second);
        foreach (V5Machine friend in _friends)
        {
            // Who asks first is challenged: so the target gets every kind.
            (V5Machine first, V5Machine second) = friend == _friends[0] || friend == _friends[1] ? (friend, _target) : (_target, friend);
            first.Machine.StartPing(_net.Now, second.Node);
            first.Drain();
            _net.Run(Second);
            friend.Machine.StartFindNode(_net.Now, _target.Node, [0, 254, 255, 256]);
            friend.Machine.StartTalk(_net.Now, _target.Node, "x", [1, 2, 3]);
            _target.Machine.StartFindNode(_net.Now, friend.Node, [0, 254, 255, 256]);
            friend.Drain();
            _target.Drain();
            _net.Run(Second);
        }

        _genuine.AddRange(_net.Sent.Where(s => s.To.Equals(_target.EndPoint)).Select(s => s.Datagram));
        Assert.Equal(3, _genuine.Select(d => ThreatPeer.Open(_target.Node.Id, [.. d]).Flag).Distinct().Count());
        Assert.Equal(_friends.Length, _target.Machine.SessionCount);
        Forget();
    }
}
