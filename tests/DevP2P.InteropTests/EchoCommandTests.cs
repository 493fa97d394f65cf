using System.Text.Json;
using DevP2P.Rlp;

namespace DevP2P.InteropTests;

/// <summary>The built command as a process, <c>devp2p run --echo --log json</c>, spoken to by a foreign node.</summary>
public class EchoCommandTests
{
    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task AForeignNodeUsesTheEchoProtocolOfTheCommand(string version)
    {
        DirectoryInfo data = Directory.CreateTempSubdirectory("devp2p-interop-");
        try
        {
            await using JsonProcess node = StartNode(data.FullName);
            JsonElement started = await node.NextAsync("started");
            await using JsPeer theirs = await JsPeer.StartAsync(version, "--capability", "echo/1/16");

            theirs.Dial(started.GetProperty("enode").GetString()!);
            await theirs.NextAsync("connected");
            await node.NextAsync("add");

            await AssertAnswersAsync(theirs);
            theirs.Disconnect((int)DisconnectReason.Requested);

            await node.NextAsync("drop");
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    private static async Task AssertAnswersAsync(JsPeer theirs)
    {
        // 0 comes back as 1, the same bytes.
        theirs.SendRandom("echo", code: 0, 100_000);
        JsonElement sent = await theirs.NextAsync("sent");
        JsonElement echo = await theirs.NextAsync("message");
        Assert.Equal(1, echo.GetProperty("code").GetInt32());
        Assert.Equal(sent.GetProperty("sha256").GetString(), echo.GetProperty("sha256").GetString());

        // 2 is swallowed and counted; 6 asks for the count.
        theirs.Send("echo", code: 2, new byte[10]);
        theirs.Send("echo", code: 2, new byte[20]);
        theirs.Send("echo", code: 6, RlpEncoding.Encode(Array.Empty<object>()));
        Assert.Equal(RlpEncoding.Encode(new object[] { 2, 30 }), await PayloadAsync(theirs, code: 7));

        // 3 asks for `count` messages of `size` bytes, zeros, then an empty list.
        theirs.Send("echo", code: 3, RlpEncoding.Encode(new object[] { 7, 3, 1 }));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(new byte[7], await PayloadAsync(theirs, code: 4));
        }
        Assert.Equal(RlpEncoding.Encode(Array.Empty<object>()), await PayloadAsync(theirs, code: 5));
    }

    private static async Task<byte[]> PayloadAsync(JsPeer theirs, int code)
    {
        JsonElement message = await theirs.NextAsync("message");
        Assert.Equal(code, message.GetProperty("code").GetInt32());
        return Convert.FromHexString(message.GetProperty("payload").GetString()!);
    }

    private static JsonProcess StartNode(string dataDirectory) => JsonProcess.Start(
        "dotnet",
        [
            Path.Combine(AppContext.BaseDirectory, "DevP2P.Cli.dll"), "run",
            "--data-dir", dataDirectory, "--listen", "127.0.0.1:0", "--no-discovery", "--echo", "--log", "json",
        ],
        dataDirectory,
        "event");
}
