using DevP2P.Buffers;
using DevP2P.Rlp;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>T12 and T13 at a connection: small messages that want to become large, and RLP that is not what it says.</summary>
[Collection(ProcessWideCollection.Name)]
public sealed class BombTests
{
    private const int Cap = 64 * 1024;

    /// <summary>What follows the message's code: a declared size and the compressed data.</summary>
    public static TheoryData<string, string> SnappyBombs => new()
    {
        { "16 MiB declared", "80808008" + "00" },
        { "4 GiB - 1 declared", "ffffffff0f" + "00" },
        { "more than 32 bits", "ffffffffff01" + "00" },
        { "no end of the size", "8080808080" },
        { "just below 16 MiB from nothing", "ffffff07" },
        { "just below 16 MiB from ten bytes", "ffffff07" + "00000000000000000000" },
        { "beyond the protocol's own cap", "zeros:65537" },
        { "a real bomb of 16 MiB", "zeros:16777215" },
        { "a copy from before the beginning", "10" + "1501" + "00" },
        { "a literal that is longer than the message", "05" + "f0ff" },
        { "nothing", "" },
    };

    /// <summary>Hellos that are no RLP, or not in its canonical form. KEY stands for 64 bytes.</summary>
    public static TheoryData<string, string> BadHellos => new()
    {
        { "2,000 nested lists", string.Concat(Enumerable.Repeat("c1", 1999)) + "c0" },
        { "a list of 4 GiB", "fbffffffff05" },
        { "a list of 2^64 - 1 bytes", "ffffffffffffffffffff05" },
        { "a version with a leading zero", "f84d" + "820005" + "8568656c6c6f" + "c0" + "80" + "b840" + "KEY" },
        { "a version in long form", "f84c" + "8105" + "8568656c6c6f" + "c0" + "80" + "b840" + "KEY" },
        { "a name in long form", "f84c" + "05" + "b80568656c6c6f" + "c0" + "80" + "b840" + "KEY" },
        { "a name that is a list", "f84b" + "05" + "c568656c6c6f" + "c0" + "80" + "b840" + "KEY" },
        { "capabilities that are a string", "f84b" + "05" + "8568656c6c6f" + "80" + "80" + "b840" + "KEY" },
        { "a capability's version of 33 bits", "f853" + "05" + "8568656c6c6f" + "c8c773850100000000" + "80" + "b840" + "KEY" },
        { "an item beyond the list's end", "f84b" + "05" + "8568656c6c6f" + "c0" + "80" + "b841" + "KEY" },
        { "an empty payload", "" },
        { "an integer", "05" },
    };

    [Theory]
    [MemberData(nameof(SnappyBombs))]
    [Trait("Threat", "T12")]
    public async Task A_snappy_bomb_is_a_breach_of_protocol_and_never_unpacked(string what, string compressed)
    {
        long delivered = 0;
        await using Server server = await TestNet.StartAsync(TestNet.Options(Counting(() => Interlocked.Increment(ref delivered))));
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        long lent = BufferPool.Shared.Lent;
        byte[] data = compressed.StartsWith("zeros:", StringComparison.Ordinal)
            ? Snappier.Snappy.CompressToArray(new byte[int.Parse(compressed[6..], System.Globalization.CultureInfo.InvariantCulture)])
            : Convert.FromHexString(compressed);
        await peer.SendAsync(peer.RawFrame([0x10, .. data]));

        Assert.Equal(DisconnectReason.ProtocolError, await peer.ReadReasonAsync());
        await TestNet.UntilAsync(() => server.PeerCount == 0, $"{what}: the peer is gone");
        Assert.Equal(0, delivered);
        Assert.Equal(0, server.ChargedBytes());
        Assert.InRange(BufferPool.Shared.Lent, 0, lent);
    }

    [Theory]
    [MemberData(nameof(BadHellos))]
    [Trait("Threat", "T13")]
    public async Task A_hello_in_bad_RLP_is_a_breach_of_protocol(string what, string hello)
    {
        await using Server server = await TestNet.StartAsync();
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self);
        byte[] payload = Convert.FromHexString(hello.Replace("KEY", peer.Key.ToString(), StringComparison.Ordinal));
        await peer.SendAsync(peer.Frame(BaseProtocol.HelloCode, payload));

        Assert.Equal(DisconnectReason.ProtocolError, await peer.ReadReasonAsync());
        Assert.True(server.GetCounters().Added == 0, what);
    }

    [Theory]
    [InlineData("")]
    [InlineData("c0")]
    [InlineData("8110")]
    [InlineData("820010")]
    [InlineData("00")]
    [InlineData("890100000000000000ff")]
    [InlineData("b80110")]
    [InlineData("88ffffff")]
    [Trait("Threat", "T13")]
    public async Task A_frame_whose_code_is_not_canonical_is_a_breach_of_protocol(string frameData)
    {
        await using Server server = await TestNet.StartAsync();
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await peer.SendAsync(peer.RawFrame(Convert.FromHexString(frameData)));
        Assert.Equal(DisconnectReason.ProtocolError, await peer.ReadReasonAsync());
    }

    [Theory]
    [InlineData("c1c1c1c1c1c1")]
    [InlineData("bfffffffffffffffff")]
    [InlineData("c3820005")]
    [InlineData("c28105")]
    [InlineData("fb7fffffff")]
    [Trait("Threat", "T13")]
    public async Task Bad_RLP_in_a_message_ends_the_peer_through_its_handler(string payload)
    {
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (_, stream, cancellation) =>
            {
                Message message = await stream.ReadAsync(cancellation);
                message.GetReader().ReadList().ReadUInt64();
                await stream.ReadAsync(cancellation);
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(protocol));
        await using HostilePeer good = await HostilePeer.ConnectAsync(server.Self);
        await good.SendAsync(good.Frame(16, RlpEncoding.Encode(new object[] { 5ul })));
        await using HostilePeer bad = await HostilePeer.ConnectAsync(server.Self);
        await bad.SendAsync(bad.Frame(16, Convert.FromHexString(payload)));

        Assert.Equal(DisconnectReason.ProtocolError, await bad.ReadReasonAsync());
        await good.PingAsync();
    }

    private static Protocol Counting(Action count) => TestNet.Sink() with
    {
        MaxMessageSize = Cap,
        RunAsync = async (_, stream, cancellation) =>
        {
            while (true)
            {
                await stream.ReadAsync(cancellation);
                count();
            }
        },
    };
}
