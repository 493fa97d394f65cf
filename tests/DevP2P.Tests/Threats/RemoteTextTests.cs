using System.Globalization;
using System.Text;
using DevP2P.Rlp;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>T07: what other nodes say of themselves or as a farewell neither breaks nor forges a log, at the most verbose level.</summary>
[Trait("Threat", "T07")]
public sealed class RemoteTextTests
{
    /// <summary>An enode URL has about 160 characters: no line needs many more.</summary>
    private const int LongestLine = 400;

    public static TheoryData<string> Reasons =>
    [
        "", "80", "c0", "04", "c104", "c180", "c17f", "81ff", "c281ff", "820100", "c3820100", "88ffffffffffffffff",
        "c9880101010101010101", "c1c1c104", "c20405", "b9", "f8", "bfffffffffffffffff", "ffffffffffffffffff",
        "b903e8" + string.Concat(Enumerable.Repeat("41", 1000)), string.Concat(Enumerable.Repeat("c1", 2000)),
    ];

    [Theory]
    [MemberData(nameof(Reasons))]
    public async Task Any_disconnect_reason_ends_the_peer_and_nothing_else(string payload)
    {
        using var log = new CapturedLog();
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { LoggerFactory = log });
        byte[] reason = Convert.FromHexString(payload);

        // As a peer; some nodes do not compress this message.
        for (int i = 0; i < 2; i++)
        {
            await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
            await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
            await peer.SendAsync(i == 0 ? peer.Frame(BaseProtocol.DisconnectCode, reason) : peer.RawFrame([0x01, .. reason]));
            await peer.ReadReasonAsync();
            await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is dropped");
        }

        // Instead of a Hello.
        await using (HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self))
        {
            await peer.SendAsync(peer.Frame(BaseProtocol.DisconnectCode, reason));
            await peer.ReadReasonAsync();
            await TestNet.UntilAsync(() => server.GetCounters().Refused.Values.Sum() == 1, "the connection is refused");
        }

        Assert.Equal(2, server.GetCounters().Dropped.Values.Sum());
        AssertClean(log);
        await AssertAliveAsync(server);
    }

    [Fact]
    public async Task A_disconnect_reason_beyond_2_KiB_is_a_breach_of_protocol()
    {
        using var log = new CapturedLog();
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { LoggerFactory = log });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await peer.SendAsync(peer.Frame(BaseProtocol.DisconnectCode, new byte[RlpxConnection.MaxBaseMessageSize + 1]));

        Assert.Equal(DisconnectReason.ProtocolError, await peer.ReadReasonAsync());
        AssertClean(log);
    }

    [Theory]
    [InlineData("line\nINFO forged line\r\n")]
    [InlineData("\u001b[2J\u001b[31mred\u0007\b\0")]
    [InlineData("\u202Egnirts\u200B\u2028\u2029\u0085")]
    [InlineData("\U0001F600\uFFFD")]
    public async Task Names_are_escaped_and_cut_before_they_are_logged(string piece)
    {
        using var log = new CapturedLog();
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { LoggerFactory = log });
        byte[] name = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(piece, 400)))[..1800];
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self);
        await peer.SendAsync(peer.Frame(BaseProtocol.HelloCode, HelloWithName(peer, name)));
        await peer.ReadHelloAsync();
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        server.Peers.Single().Disconnect();
        await peer.ReadReasonAsync();
        await TestNet.UntilAsync(() => log.Lines.Any(l => l.Contains("Removing", StringComparison.Ordinal)), "the end is logged");

        Assert.Contains(log.Lines, l => l.Contains("Adding p2p peer", StringComparison.Ordinal));
        AssertClean(log);
    }

    [Fact]
    public async Task A_name_that_is_no_text_at_all_ends_nothing_but_its_own_connection()
    {
        using var log = new CapturedLog();
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { LoggerFactory = log });
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self);
        byte[] name = new byte[1800];
        new Random(1).NextBytes(name);
        await peer.SendAsync(peer.Frame(BaseProtocol.HelloCode, HelloWithName(peer, name)));
        await TestNet.UntilAsync(() => server.PeerCount == 1 || server.GetCounters().Refused.Count == 1, "it is in or refused");
        AssertClean(log);
        await AssertAliveAsync(server);
    }

    [Fact]
    public async Task A_hello_beyond_2_KiB_is_refused()
    {
        await using Server server = await TestNet.StartAsync();
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self);
        await peer.SendAsync(peer.Frame(BaseProtocol.HelloCode, HelloWithName(peer, new byte[RlpxConnection.MaxBaseMessageSize])));

        Assert.Equal(DisconnectReason.ProtocolError, await peer.ReadReasonAsync());
        Assert.Equal(1, server.GetCounters().Refused["breach of protocol"]);
    }

    private static byte[] HelloWithName(HostilePeer peer, byte[] name)
    {
        byte[] hello = peer.HelloPayload(new Capability("sink", 1));
        var fields = new RlpReader(hello).ReadList();
        using var writer = new RlpWriter(2048);
        var list = writer.StartList();
        fields.TryReadRaw(out ReadOnlySpan<byte> version);
        writer.WriteRaw(version);
        fields.TrySkip();
        writer.Write(name);
        writer.WriteRaw(fields.Remaining);
        writer.EndList(list);
        return writer.ToArray();
    }

    private static void AssertClean(CapturedLog log)
    {
        Assert.NotEmpty(log.Lines);
        foreach (string line in log.Lines)
        {
            Assert.False(line.StartsWith("Error", StringComparison.Ordinal), line);
            Assert.True(line.Length <= LongestLine, $"a line of {line.Length} characters: {line}");
            Assert.DoesNotContain(line, c => char.IsControl(c) || char.IsSurrogate(c) || CharUnicodeInfo.GetUnicodeCategory(c)
                is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
        }
    }

    private static async Task AssertAliveAsync(Server server)
    {
        await using HostilePeer good = await HostilePeer.ConnectAsync(server.Self);
        await good.PingAsync();
    }
}
