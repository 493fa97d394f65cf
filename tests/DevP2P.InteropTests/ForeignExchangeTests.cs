using System.Text.Json;
using DevP2P.Dialing;

namespace DevP2P.InteropTests;

/// <summary>Messages of log-uniform sizes up to 1 MiB, both ways at once, with digests that must be equal.</summary>
public class ForeignExchangeTests
{
    private const long MiB = 1 << 20;
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(4);

    // 75 MiB in each direction make 150 MiB in all.
    [Theory]
    [InlineData(JsPeer.Newest, 75 * MiB)]
    [InlineData(JsPeer.Older, 16 * MiB)]
    public async Task AForeignNodeDialsOursAndBothExchange(string version, long bytesEachWay)
    {
        var exchange = new ExchangeProtocol(seed: 11, bytesEachWay);
        await using TestNode ours = await TestNode.StartAsync(protocols: exchange.ToProtocol());
        await using JsPeer theirs = await JsPeer.StartAsync(version);

        theirs.Dial(ours.Enode);

        await AssertExchangedAsync(theirs, exchange, bytesEachWay);
        Peer peer = Assert.Single(ours.Server.Peers);
        Assert.True(peer.IsInbound);
    }

    [Theory]
    [InlineData(JsPeer.Newest, 4 * MiB)]
    [InlineData(JsPeer.Older, 16 * MiB)]
    public async Task OursDialsAForeignNodeAndBothExchange(string version, long bytesEachWay)
    {
        var exchange = new ExchangeProtocol(seed: 12, bytesEachWay);
        await using TestNode ours = await TestNode.StartAsync(protocols: exchange.ToProtocol());
        await using JsPeer theirs = await JsPeer.StartAsync(version);

        DialAttempt attempt = await ours.DialAsync(theirs);

        Assert.True(attempt.Succeeded, attempt.Reason);
        Assert.Equal(DialStage.Admitted, attempt.Stage);
        await AssertExchangedAsync(theirs, exchange, bytesEachWay);
        Peer peer = Assert.Single(ours.Server.Peers);
        Assert.False(peer.IsInbound);
    }

    [Fact]
    public async Task BothForeignVersionsExchangeWithOneServerAtOnce()
    {
        await using TestNode ours = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using JsPeer newest = await JsPeer.StartAsync(JsPeer.Newest, "--capability", "bounce/1/2");
        await using JsPeer older = await JsPeer.StartAsync(JsPeer.Older, "--capability", "bounce/1/2");
        newest.Dial(ours.Enode);
        older.Dial(ours.Enode);

        await newest.NextAsync("connected");
        await older.NextAsync("connected");

        await AssertBouncesAsync(newest, 100_000);
        await AssertBouncesAsync(older, 100_000);
        Assert.Equal(2, ours.Server.PeerCount);
    }

    // Around the edges of RLP and snappy headers, of a frame's padding, and up to nearly the limit of 16 MiB.
    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task PayloadsOfEverySizeComeBackUnchanged(string version)
    {
        int[] sizes = [0, 1, 2, 13, 14, 15, 16, 17, 55, 56, 60, 61, 255, 256, 65_535, 65_536, 1 << 20, 16_000_000];
        await using TestNode ours = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using JsPeer theirs = await JsPeer.StartAsync(version, "--capability", "bounce/1/2");
        theirs.Dial(ours.Enode);
        await theirs.NextAsync("connected");

        foreach (int size in sizes)
        {
            await AssertBouncesAsync(theirs, size);
        }
    }

    private static async Task AssertBouncesAsync(JsPeer theirs, int size)
    {
        theirs.SendRandom("bounce", code: 0, size);
        JsonElement sent = await theirs.NextAsync("sent");
        JsonElement back = await theirs.NextWhileConnectedAsync("message");

        Assert.Equal(1, back.GetProperty("code").GetInt32());
        Assert.Equal(size, back.GetProperty("size").GetInt32());
        Assert.Equal(sent.GetProperty("sha256").GetString(), back.GetProperty("sha256").GetString());
    }

    private static async Task AssertExchangedAsync(JsPeer theirs, ExchangeProtocol exchange, long bytesEachWay)
    {
        await theirs.NextAsync("connected");
        theirs.Exchange(seed: 21, bytesEachWay, maxSize: 1 << 20);

        JsonElement theirView = await theirs.NextWhileConnectedAsync("exchanged", s_deadline);
        ExchangeOutcome ourView = await exchange.Outcome.WaitAsync(s_deadline, TestContext.Current.CancellationToken);

        // Each side's own digest of what it received against what the other says it sent, and crosswise.
        Assert.Equal(ourView.Claimed, ourView.Received);
        Assert.True(theirView.GetProperty("equal").GetBoolean(), theirView.ToString());
        Assert.Equal(Summary(theirView, "sent"), ourView.Received);
        Assert.Equal(Summary(theirView, "received"), ourView.Sent);
        Assert.True(ourView.Sent.Bytes >= (ulong)bytesEachWay);
        Assert.True(ourView.Received.Bytes >= (ulong)bytesEachWay);
        Assert.NotEqual(ourView.Sent.Digest, ourView.Received.Digest);
    }

    private static ExchangeSummary Summary(JsonElement outcome, string side)
    {
        JsonElement summary = outcome.GetProperty(side);
        return new(
            summary.GetProperty("count").GetUInt64(),
            summary.GetProperty("bytes").GetUInt64(),
            summary.GetProperty("digest").GetString()!);
    }
}
