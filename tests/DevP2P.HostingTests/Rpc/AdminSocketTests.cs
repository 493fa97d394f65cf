using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using DevP2P.Hosting;
using DevP2P.Hosting.Rpc;
using Xunit;

namespace DevP2P.HostingTests.Rpc;

/// <summary>The Unix socket: geth's framing, and a file that is for one user.</summary>
public sealed class AdminSocketTests : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("devp2p-socket-");
    private readonly Server _server = new(TestSite.Options());

    private string SocketPath => Path.Combine(_directory.FullName, "devp2p.ipc");

    public async ValueTask InitializeAsync() => await _server.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Requests_come_in_any_pieces_and_answers_end_with_a_line_end()
    {
        await using AdminSocket admin = AdminSocket.Open(SocketPath, _server);
        using Socket client = Connect();
        byte[] requests = Encoding.UTF8.GetBytes(
            """{"jsonrpc":"2.0","id":1,"method":"net_version"}{"jsonrpc":"2.0","id":"}","method":"net_peerCount"}""" + "\n"
            + """ [{"jsonrpc":"2.0","id":3,"method":"net_listening"},{"jsonrpc":"2.0","method":"net_version"}] """);
        foreach (byte[] piece in requests.Chunk(7))
        {
            await client.SendAsync(piece, TestContext.Current.CancellationToken);
        }

        string[] answers = await ReadLinesAsync(client, 3);

        // They run beside each other: which is answered first is open.
        string[] expected =
        [
            """[{"jsonrpc":"2.0","id":3,"result":true}]""",
            """{"jsonrpc":"2.0","id":"}","result":"0x0"}""",
            """{"jsonrpc":"2.0","id":1,"result":"1"}""",
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), answers.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task It_has_subscriptions()
    {
        await using AdminSocket admin = AdminSocket.Open(SocketPath, _server);
        await using var other = new Server(TestSite.Options());
        await other.StartAsync(TestContext.Current.CancellationToken);
        using Socket client = Connect();

        await client.SendAsync("""{"jsonrpc":"2.0","id":1,"method":"admin_subscribe","params":["peerEvents"]}"""u8.ToArray(), TestContext.Current.CancellationToken);
        string id = JsonElement.Parse((await ReadLinesAsync(client, 1))[0]).GetProperty("result").GetString()!;
        await _server.AddPeerAsync(other.Self, TestContext.Current.CancellationToken);
        JsonElement added = JsonElement.Parse((await ReadLinesAsync(client, 1))[0]);

        Assert.Equal(id, added.GetProperty("params").GetProperty("subscription").GetString());
    }

    [Fact]
    [Trait("Threat", "T19")]
    [UnsupportedOSPlatform("windows")]
    public async Task Only_its_owner_may_use_the_file_and_it_goes_with_the_api()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "files have no mode there");
        AdminSocket admin = AdminSocket.Open(SocketPath, _server);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
        await admin.DisposeAsync();
        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public async Task A_file_that_was_left_behind_is_replaced_but_nothing_else_is()
    {
        string bound = Path.Combine(_directory.FullName, "bound");
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(bound));

            // As when a process is killed: nobody removes the file.
            File.Move(bound, SocketPath);
        }

        Assert.True(File.Exists(SocketPath));
        await using (AdminSocket admin = AdminSocket.Open(SocketPath, _server))
        {
            P2PException inUse = Assert.Throws<P2PException>(() => AdminSocket.Open(SocketPath, _server));
            Assert.Contains("another program listens there", inUse.Message);
            using Socket client = Connect();
            await client.SendAsync("{}"u8.ToArray(), TestContext.Current.CancellationToken);
            Assert.Contains("invalid request", (await ReadLinesAsync(client, 1))[0]);
        }

        string file = Path.Combine(_directory.FullName, "precious");
        await File.WriteAllTextAsync(file, "data", TestContext.Current.CancellationToken);
        P2PException isFile = Assert.Throws<P2PException>(() => AdminSocket.Open(file, _server));
        Assert.Contains("no socket", isFile.Message);
        Assert.Equal("data", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    [Fact]
    [Trait("Threat", "T19")]
    public async Task What_is_no_JSON_or_has_no_end_ends_the_connection()
    {
        await using AdminSocket admin = AdminSocket.Open(SocketPath, _server);
        using (Socket client = Connect())
        {
            await client.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
            Assert.Contains("-32700", (await ReadLinesAsync(client, 1))[0]);
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        }

        using (Socket client = Connect())
        {
            byte[] endless = new byte[RpcLimits.MaxRequestBytes + 1];
            endless.AsSpan().Fill((byte)'[');
            await client.SendAsync(endless, TestContext.Current.CancellationToken);
            Assert.Contains("a request has at most", (await ReadLinesAsync(client, 1))[0]);
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    [Trait("Threat", "T19")]
    public async Task There_is_a_bound_to_connections()
    {
        await using AdminSocket admin = AdminSocket.Open(SocketPath, _server);
        List<Socket> clients = [];
        for (int i = 0; i < RpcLimits.MaxConnections; i++)
        {
            Socket client = Connect();
            clients.Add(client);
            await client.SendAsync("{}"u8.ToArray(), TestContext.Current.CancellationToken);
            await ReadLinesAsync(client, 1);
        }

        using (Socket refused = Connect())
        {
            ValueTask<int> reading = refused.ReceiveAsync(new byte[1].AsMemory(), TestContext.Current.CancellationToken);
            Assert.Equal(0, await reading.AsTask().WaitAsync(TestSite.Deadline, TestContext.Current.CancellationToken));
        }

        clients.ForEach(client => client.Dispose());
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(SocketPath));
        return socket;
    }

    private static async Task<string[]> ReadLinesAsync(Socket socket, int count)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TestSite.Deadline);
        var text = new List<byte>();
        byte[] buffer = new byte[64 * 1024];
        while (text.Count(b => b == (byte)'\n') < count)
        {
            int read = await socket.ReceiveAsync(buffer, deadline.Token);
            Assert.NotEqual(0, read);
            text.AddRange(buffer.AsSpan(0, read));
        }

        Assert.Equal((byte)'\n', text[^1]);
        return Encoding.UTF8.GetString([.. text]).TrimEnd('\n').Split('\n');
    }
}
