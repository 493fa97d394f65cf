using System.Diagnostics;
using System.Text.Json;
using DevP2P.Rlp;

namespace DevP2P.InteropTests;

/// <summary>The built command as a process, <c>devp2p run --echo --log json</c>, and a foreign node that speaks <c>echo</c>.</summary>
public class EchoCommandTests
{
    private const long MiB = 1 << 20;
    private static readonly string[] s_echo = ["--capability", "echo/1/16"];

    // What goes out comes back at the same time, so each of these moves twice its size.
    [Theory]
    [InlineData(JsPeer.Newest, 16 * MiB)]
    [InlineData(JsPeer.Older, 16 * MiB)]
    public async Task AForeignNodeDialsTheCommandAndExchanges(string version, long bytesEachWay)
    {
        await using RunningCommand node = await RunningCommand.StartAsync();
        await using JsPeer theirs = await JsPeer.StartAsync(version, s_echo);

        theirs.Dial(node.Enode);

        await theirs.NextAsync("connected");
        await AssertEchoedAsync(theirs, bytesEachWay);
        theirs.Disconnect((int)DisconnectReason.Requested);
        JsonElement drop = await node.NextAsync("drop");
        Assert.Equal(DisconnectReason.Requested.ToText(), drop.GetProperty("error").GetString());
    }

    // 75 MiB in each direction make 150 MiB in all; ForeignExchangeTests has as much with the foreign node dialing.
    [Theory]
    [InlineData(JsPeer.Newest, 75 * MiB)]
    [InlineData(JsPeer.Older, 16 * MiB)]
    public async Task TheCommandDialsAForeignNodeAndExchanges(string version, long bytesEachWay)
    {
        await using JsPeer theirs = await JsPeer.StartAsync(version, s_echo);
        await using RunningCommand node = await RunningCommand.StartAsync("--static", theirs.Enode);

        await theirs.NextAsync("connected");
        JsonElement dial = await node.NextAsync("dial");
        Assert.True(dial.GetProperty("ok").GetBoolean(), dial.ToString());
        Assert.Equal(theirs.Enode, dial.GetProperty("node").GetString());
        await AssertEchoedAsync(theirs, bytesEachWay);
    }

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task TheEchoProtocolSwallowsCountsAndGenerates(string version)
    {
        await using RunningCommand node = await RunningCommand.StartAsync();
        await using JsPeer theirs = await JsPeer.StartAsync(version, s_echo);
        theirs.Dial(node.Enode);
        await theirs.NextAsync("connected");

        // 2 is swallowed and counted; 6 asks for the counts.
        theirs.Send("echo", code: 2, new byte[10]);
        theirs.Send("echo", code: 2, new byte[20]);
        theirs.Send("echo", code: 6, RlpEncoding.Encode(Array.Empty<object>()));
        Assert.Equal(RlpEncoding.Encode(new object[] { 2, 30 }), await PayloadAsync(theirs, code: 7));

        // 3 asks for `count` messages of `size` bytes, here zeros; an empty list says that they are through.
        theirs.Send("echo", code: 3, RlpEncoding.Encode(new object[] { 7, 3, 1 }));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(new byte[7], await PayloadAsync(theirs, code: 4));
        }
        Assert.Equal(RlpEncoding.Encode(Array.Empty<object>()), await PayloadAsync(theirs, code: 5));
    }

    // 9 ends the handler normally, 8 with an error.
    [Theory]
    [InlineData(9, DisconnectReason.Quitting)]
    [InlineData(8, DisconnectReason.SubprotocolError)]
    public async Task AHandlerThatEndsSaysSo(int code, DisconnectReason reason)
    {
        await using RunningCommand node = await RunningCommand.StartAsync();
        await using JsPeer theirs = await JsPeer.StartAsync(JsPeer.Newest, s_echo);
        theirs.Dial(node.Enode);
        await theirs.NextAsync("connected");

        theirs.Send("echo", code, [0xc0]);

        await AssertClosedAsync(theirs, reason);
        await node.NextAsync("drop");
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task ASignalEndsTheCommandAndItsPeersAreToldWhy(string signal)
    {
        await using RunningCommand node = await RunningCommand.StartAsync();
        await using JsPeer theirs = await JsPeer.StartAsync(JsPeer.Newest, s_echo);
        theirs.Dial(node.Enode);
        await theirs.NextAsync("connected");
        await node.NextAsync("add");

        using (Process kill = Process.Start("kill", ["-" + signal, node.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await AssertClosedAsync(theirs, DisconnectReason.Quitting);
        await node.NextAsync("stopped");
        Assert.Equal(0, await node.WaitForExitAsync());
    }

    private static async Task AssertEchoedAsync(JsPeer theirs, long bytesEachWay)
    {
        theirs.Echo("echo", seed: 31, bytesEachWay, maxSize: 1 << 20);

        JsonElement outcome = await theirs.NextWhileConnectedAsync("echoed", TimeSpan.FromMinutes(4));

        Assert.True(outcome.GetProperty("equal").GetBoolean(), outcome.ToString());
        Assert.True(outcome.GetProperty("received").GetProperty("bytes").GetInt64() >= bytesEachWay, outcome.ToString());
    }

    private static async Task<byte[]> PayloadAsync(JsPeer theirs, int code)
    {
        JsonElement message = await theirs.NextWhileConnectedAsync("message");
        Assert.Equal(code, message.GetProperty("code").GetInt32());
        return Convert.FromHexString(message.GetProperty("payload").GetString()!);
    }

    private static async Task AssertClosedAsync(JsPeer theirs, DisconnectReason reason)
    {
        JsonElement closed = await theirs.NextAsync("closed");
        Assert.Equal("remote", closed.GetProperty("by").GetString());
        Assert.Equal((int)reason, closed.GetProperty("reason").GetInt32());
    }
}
