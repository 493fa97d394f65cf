using DevP2P.Cli;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Cli;

public sealed class EchoProtocolTests : IDisposable
{
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(20));
    private readonly EchoProtocol _protocol = new();
    private readonly MessagePipe _client;
    private readonly MessagePipe _server;
    private readonly Task _serving;

    public EchoProtocolTests()
    {
        (_client, _server) = MessagePipe.CreatePair(capacity: 16);
        _serving = _protocol.RunAsync(_server, _deadline.Token);
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
        _deadline.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    public async Task Code_0_comes_back_as_code_1(int size)
    {
        byte[] payload = new byte[size];
        Random.Shared.NextBytes(payload);
        await _client.WriteAsync(0, payload, _deadline.Token);
        Message reply = await _client.ReadAsync(_deadline.Token);
        Assert.Equal(1UL, reply.Code);
        Assert.Equal(payload, reply.Payload.ToArray());
    }

    [Fact]
    public async Task Code_2_is_counted_over_all_peers_and_code_6_tells()
    {
        (MessagePipe client, MessagePipe server) = MessagePipe.CreatePair(capacity: 16);
        using MessagePipe otherClient = client;
        using MessagePipe otherServer = server;
        Task other = _protocol.RunAsync(otherServer, _deadline.Token);
        await _client.WriteAsync(2, new byte[100], _deadline.Token);
        await _client.WriteAsync(2, new byte[23], _deadline.Token);
        await otherClient.WriteAsync(2, new byte[1000], _deadline.Token);
        await otherClient.WriteAsync(9, default, _deadline.Token);
        await other;
        await _client.WriteAsync(6, default, _deadline.Token);
        await ExpectAsync(7, [3UL, 1123UL]);
    }

    [Theory]
    [InlineData(0, 3, 0)]
    [InlineData(1000, 5, 0)]
    [InlineData(1000, 5, 1)]
    [InlineData(70_000, 1, 2)]
    [InlineData(10, 0, 0)]
    public async Task Code_3_is_answered_by_data_and_an_end(int size, int count, int kind)
    {
        await RequestAsync((ulong)size, (ulong)count, (ulong)kind);
        for (int i = 0; i < count; i++)
        {
            Message data = await _client.ReadAsync(_deadline.Token);
            Assert.Equal((4UL, size), (data.Code, data.Size));
            Assert.Equal(kind == 0 && size > 0, data.Payload.Span.ContainsAnyExcept((byte)0));
        }

        await ExpectAsync(5, []);
        await _client.WriteAsync(0, new byte[] { 7 }, _deadline.Token);
        Assert.Equal(1UL, (await _client.ReadAsync(_deadline.Token)).Code);
    }

    [Theory]
    [InlineData(EchoProtocol.MaxGeneratedSize + 1UL, 1)]
    [InlineData(1, EchoProtocol.MaxGeneratedCount + 1)]
    [InlineData(1_000_000, 5_000)]
    [InlineData(ulong.MaxValue, ulong.MaxValue)]
    public async Task Code_3_has_limits(ulong size, ulong count)
    {
        await RequestAsync(size, count, 0);
        await Assert.ThrowsAsync<ProtocolViolationException>(() => _serving);
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0xc0 })]
    [InlineData(new byte[] { 0xc2, 1, 2 })]
    [InlineData(new byte[] { 1, 2, 3 })]
    [InlineData(new byte[] { 0xf8 })]
    public async Task A_malformed_request_ends_the_handler(byte[] request)
    {
        await _client.WriteAsync(3, request, _deadline.Token);
        await Assert.ThrowsAsync<ProtocolViolationException>(() => _serving);
    }

    [Fact]
    public async Task Code_8_ends_the_handler_with_an_error()
    {
        await _client.WriteAsync(8, default, _deadline.Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => _serving);
    }

    [Fact]
    public async Task Code_9_ends_the_handler_normally()
    {
        await _client.WriteAsync(9, default, _deadline.Token);
        await _serving;
    }

    [Fact]
    public async Task Codes_without_a_meaning_are_ignored()
    {
        foreach (ulong code in (ulong[])[1, 4, 5, 7, 10, 15])
        {
            await _client.WriteAsync(code, new byte[] { 1 }, _deadline.Token);
        }

        await _client.WriteAsync(0, default, _deadline.Token);
        Assert.Equal(1UL, (await _client.ReadAsync(_deadline.Token)).Code);
    }

    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(100, 5, 1)]
    [InlineData(500, 64, 8)]
    public async Task The_client_counts_what_comes_back(int count, int size, int window)
    {
        var client = new EchoClient(count, size, window);
        await client.RunAsync(_client, _deadline.Token);
        Assert.Equal((count, 0L, (long)count), (client.Result.Answered, client.Result.Wrong, client.Result.Latencies.Count));
    }

    [Fact]
    public async Task The_client_notices_wrong_bytes()
    {
        (MessagePipe near, MessagePipe far) = MessagePipe.CreatePair(capacity: 16);
        using MessagePipe client = near;
        using MessagePipe liar = far;
        Task lying = Task.Run(async () =>
        {
            for (int i = 0; i < 10; i++)
            {
                byte[] payload = (await liar.ReadAsync(_deadline.Token)).Payload.ToArray();
                payload[^1] ^= (byte)(i % 2);
                await liar.WriteAsync(1, payload, _deadline.Token);
            }
        }, _deadline.Token);
        var echo = new EchoClient(10, 100, 4);
        await echo.RunAsync(client, _deadline.Token);
        await lying;
        Assert.Equal((10L, 5L), (echo.Result.Answered, echo.Result.Wrong));
    }

    [Fact]
    public async Task The_client_ends_when_the_peer_is_gone()
    {
        (MessagePipe near, MessagePipe far) = MessagePipe.CreatePair();
        using MessagePipe client = near;
        var echo = new EchoClient(10, 100, 4);
        Task running = echo.RunAsync(client, _deadline.Token);
        far.Dispose();
        await Assert.ThrowsAsync<MessagePipeClosedException>(() => running);
        Assert.Equal(0, echo.Result.Answered);
    }

    private async Task RequestAsync(ulong size, ulong count, ulong kind) =>
        await _client.WriteAsync(3, RlpEncoding.Encode(new object[] { size, count, kind }), _deadline.Token);

    private async Task ExpectAsync(ulong code, object[] content)
    {
        Message message = await _client.ReadAsync(_deadline.Token);
        Assert.Equal(code, message.Code);
        Assert.Equal(RlpEncoding.Encode(content), message.Payload.ToArray());
    }
}
