using System.Text.Json;

namespace DevP2P.InteropTests;

/// <summary>The foreign nodes of discovery v5.1 with one another: when these fail, the fault is not in this project.</summary>
public class ForeignDiscv5BaselineTests
{
    private const string Newest = Discv5Peer.Newest;
    private const string Older = Discv5Peer.Older;

    [Theory]
    [InlineData(Newest, Newest)]
    [InlineData(Newest, Older)]
    [InlineData(Older, Newest)]
    public async Task TheyAnswerEachOthersPingAndFindNode(string fromVersion, string toVersion)
    {
        await using Discv5Peer from = await Discv5Peer.StartAsync(fromVersion, "--plain-ids");
        await using Discv5Peer to = await Discv5Peer.StartAsync(toVersion, "--entry", "test=82cafe");

        JsonElement pong = await from.PingAsync(to.Record);
        Assert.Equal($"127.0.0.1:{from.Port}", pong.GetProperty("seenAs").GetString());
        Assert.Equal(1, pong.GetProperty("enrSeq").GetInt32());
        Assert.Equal(to.Id, (await from.NextAsync("established")).GetProperty("node").GetString());
        Assert.Equal(from.Id, (await to.NextAsync("established")).GetProperty("node").GetString());

        Assert.Equal([to.Record], await from.FindNodeAsync(to.Record, 0));
        // Whoever has a session is in the table: its distance is one of these but once in 65,536 times.
        Assert.Equal([from.Record], await from.FindNodeAsync(to.Record, [.. Enumerable.Range(241, 16)]));
    }

    [Theory]
    [InlineData(Newest, Newest)]
    [InlineData(Newest, Older)]
    [InlineData(Older, Newest)]
    public async Task AHundredTalksComeBackUnchanged(string fromVersion, string toVersion)
    {
        await using Discv5Peer from = await Discv5Peer.StartAsync(fromVersion, "--plain-ids");
        await using Discv5Peer to = await Discv5Peer.StartAsync(toVersion, "--quiet");

        JsonElement talked = await from.TalkAsync(to.Record, "echo", size: 500, count: 100, concurrency: 4);

        AssertAllAnswered(100, talked);
        JsonElement stats = await to.StatsAsync();
        Assert.Equal(100, stats.GetProperty("talkRequests").GetProperty("echo").GetInt32());
        Assert.Equal(1, stats.GetProperty("established").GetInt32());
        Assert.Empty(await from.TalkAsync(to.Record, "unknown", [1, 2, 3]));
    }

    [Theory]
    [InlineData(Newest, Newest)]
    [InlineData(Newest, Older)]
    [InlineData(Older, Newest)]
    public async Task ASessionThatIsLostOnEitherSideComesBack(string fromVersion, string toVersion)
    {
        await using Discv5Peer from = await Discv5Peer.StartAsync(fromVersion, "--plain-ids");
        await using Discv5Peer to = await Discv5Peer.StartAsync(toVersion, "--plain-ids");
        Assert.Equal([1], await from.TalkAsync(to.Record, "echo", [1]));
        // 12.0.2 pings who is new. If that met the loss of the session, there would be two handshakes at once, which they do not
        // survive; so wait for these pings, and with one of ours for their pongs.
        if (fromVersion == Newest)
        {
            await to.NextAsync("answered");
        }
        if (toVersion == Newest)
        {
            await from.NextAsync("answered");
        }
        await from.PingAsync(to.Record);

        Assert.Equal(1, await from.ForgetSessionAsync(to.Id));
        Assert.Equal([2], await from.TalkAsync(to.Record, "echo", [2]));
        Assert.Equal(1, await to.ForgetSessionAsync(from.Id));
        Assert.Equal([3], await from.TalkAsync(to.Record, "echo", [3]));

        Assert.Equal(3, (await from.StatsAsync()).GetProperty("established").GetInt32());
        Assert.Equal(3, (await to.StatsAsync()).GetProperty("established").GetInt32());
        Assert.Equal(3, to.Pending("talkReqReceived"));
    }

    [Fact]
    public async Task AThirdNodeIsFoundThroughTheOneBetween()
    {
        await using Discv5Peer between = await Discv5Peer.StartAsync(Newest, "--plain-ids");
        await using Discv5Peer third = await Discv5Peer.StartAsync(Newest);
        await using Discv5Peer searcher = await Discv5Peer.StartAsync(Older);
        await third.PingAsync(between.Record);
        await searcher.AddAsync(between.Record);

        IReadOnlyList<string> found = await searcher.LookupAsync(third.Id);

        Assert.Equal(third.Record, found[0]);
        Assert.Contains(between.Record, found);
    }

    [Fact]
    public async Task ARecordThatChangesIsFetchedAfterAPing()
    {
        await using Discv5Peer changing = await Discv5Peer.StartAsync(Newest);
        await using Discv5Peer watching = await Discv5Peer.StartAsync(Newest);
        await watching.PingAsync(changing.Record);

        string changed = await changing.SetEntryAsync("test", [0x82, 0xca, 0xfe]);
        JsonElement pong = await watching.PingAsync(changing.Record);

        Assert.Equal(2, pong.GetProperty("enrSeq").GetInt32());
        Assert.Equal(changed, (await watching.NextAsync("discovered")).GetProperty("enr").GetString());
    }

    [Fact]
    public async Task ARequestThatIsNotAnsweredFails()
    {
        await using Discv5Peer from = await Discv5Peer.StartAsync(Newest, "--config", """{"requestTimeout": 2000}""");
        await using Discv5Peer to = await Discv5Peer.StartAsync(Newest);

        JsonElement talked = await from.TalkAsync(to.Record, "mute", size: 1, count: 1);

        Assert.Equal("mute", (await to.NextAsync("talkReqReceived")).GetProperty("protocol").GetString());
        Assert.Equal(0, talked.GetProperty("answered").GetInt32());
        Assert.Equal(1, talked.GetProperty("failures").GetProperty("Timeout").GetInt32());
    }

    private static void AssertAllAnswered(int count, JsonElement talked)
    {
        Assert.True(talked.GetProperty("answered").GetInt32() == count, talked.ToString());
        Assert.True(talked.GetProperty("wrong").GetInt32() == 0, talked.ToString());
    }
}
