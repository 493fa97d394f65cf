using System.Text.Json;

namespace DevP2P.InteropTests;

/// <summary>Clients that people use for geth, npm <c>ethers</c>, <c>web3</c> and <c>ws</c>, against the admin API of <c>devp2p run</c>.</summary>
public class AdminClientTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task EthersWeb3AndWsDriveTheNode(bool hasToken)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("devp2p-admin-");
        try
        {
            string tokenFile = Path.Combine(directory.FullName, "token");
            string ipc = Path.Combine(directory.FullName, "devp2p.ipc");
            string[] arguments = ["--http", "127.0.0.1:0", "--ipc", ipc, "--network", "hoodi", .. hasToken ? ["--http-token-file", tokenFile] : (string[])[]];
            await using RunningCommand node = await RunningCommand.StartAsync(arguments);
            await using RunningCommand other = await RunningCommand.StartAsync();
            JsonElement admin = await node.NextAsync("admin");
            string url = admin.GetProperty("http")[0].GetString()!;
            Assert.Equal(ipc, admin.GetProperty("ipc").GetString());
            string[] token = hasToken ? [(await File.ReadAllTextAsync(tokenFile, TestContext.Current.CancellationToken)).Trim()] : [];
            await using JsonProcess clients = JsonProcess.StartPeer("admin.mjs", "ethers", [url, ipc, other.Enode, .. token]);

            JsonElement ethers = await clients.NextAsync("ethers-http");
            Assert.Equal(node.Enode, ethers.GetProperty("nodeInfo").GetProperty("enode").GetString());
            Assert.Equal("560048", ethers.GetProperty("version").GetString());
            Assert.Equal(0, ethers.GetProperty("count").GetInt32());
            Assert.Equal("1.0", ethers.GetProperty("modules").GetProperty("admin").GetString());
            Assert.StartsWith("devp2p/v", ethers.GetProperty("client").GetString());
            Assert.True(ethers.GetProperty("batches").GetInt32() > 0, "ethers did not send a batch");

            JsonElement errors = await clients.NextAsync("ethers-errors");
            AssertError(errors, "unknown", -32601, "the method eth_blockNumber does not exist/is not available");
            AssertError(errors, "invalid", -32000, "invalid enode: ");
            AssertError(errors, "missing", -32602, "missing value for required argument 0");
            AssertError(errors, "subscribe", -32601, "notifications not supported");

            JsonElement stranger = await clients.NextAsync("ethers-no-token");
            Assert.Equal(hasToken, !stranger.TryGetProperty("result", out _));
            Assert.True(!hasToken || stranger.GetRawText().Contains("401", StringComparison.Ordinal), stranger.GetRawText());

            JsonElement ws = await clients.NextAsync("ws");
            Assert.True(ws.GetProperty("added").GetProperty("result").GetBoolean());
            JsonElement notification = ws.GetProperty("notification").GetProperty("params");
            Assert.Equal("admin_subscription", ws.GetProperty("notification").GetProperty("method").GetString());
            Assert.Equal(ws.GetProperty("subscribed").GetProperty("result").GetString(), notification.GetProperty("subscription").GetString());
            Assert.Equal("add", notification.GetProperty("result").GetProperty("type").GetString());
            Assert.True((await clients.NextAsync("ws-unsubscribed")).GetProperty("answer").GetProperty("result").GetBoolean());

            JsonElement web3 = await clients.NextAsync("web3-http");
            string peer = Assert.Single(web3.GetProperty("peers").EnumerateArray().ToArray()).GetProperty("enode").GetString()!;
            Assert.Equal(other.Enode, peer);
            Assert.True(web3.GetProperty("listening").GetBoolean());
            Assert.Equal(1, web3.GetProperty("count").GetInt32());
            Assert.Equal(560048, web3.GetProperty("id").GetInt32());
            Assert.StartsWith("devp2p/v", web3.GetProperty("client").GetString());

            JsonElement overSocket = await clients.NextAsync("ethers-ws");
            Assert.Equal(peer, overSocket.GetProperty("peers")[0].GetProperty("enode").GetString());
            Assert.Equal(1, overSocket.GetProperty("status").GetProperty("peers").GetProperty("total").GetInt32());

            JsonElement ethersIpc = await clients.NextAsync("ethers-ipc");
            Assert.Equal(peer, ethersIpc.GetProperty("peers")[0].GetProperty("enode").GetString());
            Assert.Equal(["560048", "560048", "560048"], ethersIpc.GetProperty("answers").EnumerateArray().Select(answer => answer.GetString()));

            JsonElement web3Ipc = await clients.NextAsync("web3-ipc");
            Assert.Equal(node.Enode, web3Ipc.GetProperty("answer").GetProperty("result").GetProperty("enode").GetString());
            Assert.Equal(web3Ipc.GetProperty("subscription").GetString(), web3Ipc.GetProperty("notification").GetProperty("params").GetProperty("subscription").GetString());
            Assert.Equal("drop", web3Ipc.GetProperty("notification").GetProperty("params").GetProperty("result").GetProperty("type").GetString());
            await clients.NextAsync("done");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static void AssertError(JsonElement errors, string name, int code, string message)
    {
        JsonElement error = errors.GetProperty(name);
        Assert.True(error.GetProperty("code").GetInt32() == code && error.GetProperty("message").GetString()!.StartsWith(message, StringComparison.Ordinal), error.GetRawText());
    }
}
