using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
using DevP2P.Rlp;
using DevP2P.Rlpx;
using DevP2P.Tests.Crypto;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>T08, T09, T10: what arrives before anybody has shown who it is, against a listening and a dialing server.</summary>
public sealed class HandshakeKeyTests
{
    /// <summary>64 bytes that are no public key: off the curve, at or above the field's prime, zero.</summary>
    public static TheoryData<string> NoKeys =>
    [
        new string('0', 63) + "1" + new string('0', 63) + "1",
        new string('f', 128),
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f" + new string('0', 63) + "1",
        new string('0', 128),
    ];

    [Theory]
    [MemberData(nameof(NoKeys))]
    [Trait("Threat", "T08")]
    public async Task A_hello_with_a_key_that_is_none_is_an_invalid_identity(string key)
    {
        await using Server server = await TestNet.StartAsync();
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self);
        byte[] hello = peer.HelloPayload(new Capability("sink", 1));
        Convert.FromHexString(key).CopyTo(hello.AsSpan(hello.Length - 64));
        await peer.SendAsync(peer.Frame(BaseProtocol.HelloCode, hello));

        Assert.Equal(DisconnectReason.InvalidIdentity, await peer.ReadReasonAsync());
        Assert.Equal(0, server.GetCounters().Added);
    }

    [Fact]
    [Trait("Threat", "T08")]
    public async Task A_hello_with_somebody_elses_key_is_an_unexpected_identity()
    {
        await using Server server = await TestNet.StartAsync();
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self);
        byte[] hello = peer.HelloPayload(new Capability("sink", 1));
        PrivateKey.Generate().PublicKey.Bytes.CopyTo(hello.AsSpan(hello.Length - 64));
        await peer.SendAsync(peer.Frame(BaseProtocol.HelloCode, hello));
        peer.UsesSnappy = true; // our Hello was of version 5, so the reason is compressed

        Assert.Equal(DisconnectReason.UnexpectedIdentity, await peer.ReadReasonAsync());
        Assert.Equal(0, server.GetCounters().Added);
    }

    [Theory]
    [MemberData(nameof(NoKeys))]
    [Trait("Threat", "T08")]
    public async Task Keys_that_are_none_are_refused_in_auth_and_ack(string key)
    {
        byte[] noKey = Convert.FromHexString(key);
        await using Server server = await TestNet.StartAsync();

        // As the ECIES key, and as the static key inside a well-encrypted auth, of either format.
        byte[] bare = new byte[2 + 400];
        BinaryPrimitives.WriteUInt16BigEndian(bare, 400);
        bare[2] = 0x04;
        noKey.CopyTo(bare, 3);
        await AssertSilentCloseAsync(server, bare);
        await AssertSilentCloseAsync(server, SealAuth(server, noKey, new byte[65]));
        byte[] plain = new byte[194];
        noKey.CopyTo(plain, 97);
        byte[] plainAuth = new byte[plain.Length + Ecies.Overhead];
        Ecies.Encrypt(server.Self.PublicKey, plain, default, RandomSource.System, plainAuth);
        await AssertSilentCloseAsync(server, plainAuth);

        // As the ephemeral key of the ack that a node we dial answers with.
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        PrivateKey listenerKey = PrivateKey.Generate();
        Node node = Node.Create(listenerKey.PublicKey, IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port, 0);
        Task<DialAttempt> dialing = server.AddPeerAsync(node);
        using Socket dialed = await listener.AcceptAsync().WithinDeadline();
        await dialed.ReceiveAsync(new byte[2048]).WithinDeadline();
        await dialed.SendAsync(Seal(server, key: null, [.. RlpEncoding.Encode(new object[] { noKey, new byte[32], 4ul }), .. new byte[120]]));

        DialAttempt attempt = await dialing.WithinDeadline();
        Assert.False(attempt.Succeeded);
        Assert.Equal(DialStage.EncryptionHandshake, attempt.Stage);
        Assert.Equal(0, await ReadRestAsync(dialed));
        await AssertAliveAsync(server);
    }

    [Fact]
    [Trait("Threat", "T09")]
    public async Task Every_bad_auth_ends_in_the_same_silence()
    {
        await using Server server = await TestNet.StartAsync();
        Handshake.Initiate(PrivateKey.Generate(), server.Self.PublicKey, new SeededRandomSource(1), out ReadOnlyMemory<byte> good);
        byte[] auth = good.ToArray();
        byte[] noKey = new byte[64];
        noKey[31] = noKey[63] = 1;
        var variants = new Dictionary<string, byte[]>
        {
            ["ECIES prefix"] = Flip(auth, 2),
            ["ECIES key"] = Flip(auth, 20),
            ["IV"] = Flip(auth, 2 + 65),
            ["first byte of the body"] = Flip(auth, 2 + 65 + 16),
            ["padding"] = Flip(auth, auth.Length - 40),
            ["tag"] = Flip(auth, auth.Length - 1),
            ["authenticated size"] = [auth[0], (byte)(auth[1] + 1), .. auth.AsSpan(2), 0],
            ["no list inside"] = Seal(server, null, new byte[300]),
            ["nothing inside"] = Seal(server, null, []),
            ["static key"] = SealAuth(server, noKey, new byte[65]),
            ["signature"] = SealAuth(server, PrivateKey.Generate().PublicKey.Bytes.ToArray(), Enumerable.Repeat((byte)0xFF, 65).ToArray()),
            ["recovery id"] = SealAuth(server, PrivateKey.Generate().PublicKey.Bytes.ToArray(), [.. new byte[63], 1, 7]),
            ["for somebody else"] = SealFor(PrivateKey.Generate().PublicKey, new byte[300]),
        };
        foreach ((string what, byte[] bytes) in variants)
        {
            using Socket socket = await HostilePeer.ConnectSocketAsync(server.Self);
            await socket.SendAsync(bytes);
            Assert.True(await ReadRestAsync(socket) == 0, $"{what}: not a silent, orderly end");
        }

        await TestNet.UntilAsync(() => server.GetCounters().Refused.Values.Sum() == variants.Count, "all are counted");
        Assert.Equal(variants.Count, server.GetCounters().Refused["encryption handshake failed"]);
        await AssertAliveAsync(server);
    }

    [Fact]
    [Trait("Threat", "T10")]
    public async Task Every_length_from_0_to_2100_is_survived()
    {
        using var log = new CapturedLog();
        await using Server server = await TestNet.StartAsync(
            TestNet.Options() with { MaxPendingPeers = 200, TimeProvider = new StepClock(), LoggerFactory = log });
        const int Lengths = 2101;
        await Parallel.ForEachAsync(Enumerable.Range(0, Lengths), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (length, _) =>
        {
            byte[] bytes = new byte[2 + length];
            new Random(length).NextBytes(bytes);
            BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)length);

            // Announced and sent; a third stops one byte early and ends there, another third is well encrypted rubbish.
            int kind = length % 3;
            if (kind == 1 && length is >= Ecies.Overhead and <= Handshake.MaxMessageSize - 2)
            {
                bytes = Seal(server, key: null, bytes[(2 + Ecies.Overhead)..]);
            }

            using Socket socket = await HostilePeer.ConnectSocketAsync(server.Self);
            await SendAllAsync(socket, kind == 2 ? bytes[..^1] : bytes);
            Assert.InRange(await ReadRestAsync(socket), -1, 0);
        });

        await TestNet.UntilAsync(() => server.GetCounters().Refused.Values.Sum() == Lengths, "all are counted");
        Assert.Equal(Lengths, server.GetCounters().Refused["encryption handshake failed"]);
        Assert.DoesNotContain(log.Lines, l => l.StartsWith("Error", StringComparison.Ordinal));
        await TestNet.UntilAsync(() => server.PendingConnections() == 0 && server.RunningTasks() == 1, "only the listener remains");
        Assert.Equal(0, server.ChargedBytes());
        await AssertAliveAsync(server);
    }

    private static byte[] SealAuth(Server server, byte[] publicKey, byte[] signature) =>
        Seal(server, null, [.. RlpEncoding.Encode(new object[] { signature, publicKey, new byte[32], 4ul }), .. new byte[120]]);

    private static byte[] Seal(Server server, PublicKey? key, byte[] plaintext) => SealFor(key ?? server.Self.PublicKey, plaintext);

    private static byte[] SealFor(PublicKey key, byte[] plaintext)
    {
        byte[] packet = new byte[2 + plaintext.Length + Ecies.Overhead];
        BinaryPrimitives.WriteUInt16BigEndian(packet, (ushort)(packet.Length - 2));
        Ecies.Encrypt(key, plaintext, packet.AsSpan(0, 2), RandomSource.System, packet.AsSpan(2));
        return packet;
    }

    private static byte[] Flip(byte[] bytes, int at)
    {
        byte[] flipped = [.. bytes];
        flipped[at] ^= 0x20;
        return flipped;
    }

    private static async Task AssertSilentCloseAsync(Server server, byte[] bytes)
    {
        using Socket socket = await HostilePeer.ConnectSocketAsync(server.Self);
        await SendAllAsync(socket, bytes);
        Assert.InRange(await ReadRestAsync(socket), -1, 0);
    }

    /// <summary>Sends, half-closes where that is still possible.</summary>
    private static async Task SendAllAsync(Socket socket, byte[] bytes)
    {
        try
        {
            await socket.SendAsync(bytes);
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // Closed already: what was wanted.
        }
    }

    /// <summary>How many bytes come before the end; -1 for a reset before any came.</summary>
    private static async Task<int> ReadRestAsync(Socket socket)
    {
        int total = 0;
        byte[] buffer = new byte[4096];
        try
        {
            int count;
            while ((count = await socket.ReceiveAsync(buffer).WithinDeadline()) > 0)
            {
                total += count;
            }

            return total;
        }
        catch (SocketException)
        {
            return total == 0 ? -1 : total;
        }
    }

    private static async Task AssertAliveAsync(Server server)
    {
        await using HostilePeer good = await HostilePeer.ConnectAsync(server.Self);
        await good.PingAsync();
    }
}
