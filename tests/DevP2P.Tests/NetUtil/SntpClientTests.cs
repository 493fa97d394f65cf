using System.Net;
using System.Net.Sockets;
using DevP2P.NetUtil;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests.NetUtil;

/// <summary>One request to servers on loopback. Our clock stands still unless a test moves it, so that what is measured is exact.</summary>
public sealed class SntpClientTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly StepClock _clock = new();

    [Fact]
    public async Task A_server_is_asked_for_the_time()
    {
        await using var server = new TestTimeServer(() => _clock.GetUtcNow() + TimeSpan.FromSeconds(12.3));

        Assert.Equal(new SntpAnswer(SntpError.None, TimeSpan.FromSeconds(12.3)), await QueryAsync(server));
        Assert.Equal(1, server.Requests);
    }

    [Fact]
    public async Task Each_request_has_a_cookie_of_its_own()
    {
        var cookies = new List<string>();
        await using var server = new TestTimeServer((_, request) =>
        {
            cookies.Add(Convert.ToHexString(request[40..]));
            return [TestTimeServer.Answer(request, _clock.GetUtcNow())];
        });

        await QueryAsync(server);
        await QueryAsync(server);

        Assert.Equal(2, cookies.Distinct().Count());
    }

    [Fact]
    public async Task Time_that_passes_meanwhile_counts_half()
    {
        await using var server = new TestTimeServer((_, request) =>
        {
            byte[] answer = TestTimeServer.Answer(request, _clock.GetUtcNow());
            _clock.Advance(TimeSpan.FromSeconds(1));
            return [answer];
        });

        Assert.Equal(new SntpAnswer(SntpError.None, TimeSpan.FromSeconds(-0.5), TimeSpan.FromSeconds(1)), await QueryAsync(server));
    }

    [Fact]
    public async Task What_is_no_answer_to_us_does_not_end_the_wait()
    {
        await using var server = new TestTimeServer((_, request) =>
        {
            byte[] forged = TestTimeServer.Answer(request, _clock.GetUtcNow() + TimeSpan.FromDays(1));
            forged[24] ^= 1;
            byte[] echo = request;
            return [forged, [], echo, forged[..47], TestTimeServer.Answer(request, _clock.GetUtcNow())];
        });

        Assert.Equal(new SntpAnswer(SntpError.None), await QueryAsync(server));
    }

    [Fact]
    public async Task A_silent_server()
    {
        await using var server = new TestTimeServer((_, _) => []);
        Assert.Equal(SntpError.NoAnswer, await QueryUntilTimeoutAsync(server));
    }

    [Fact]
    public async Task A_server_whose_answers_are_truncated()
    {
        await using var server = new TestTimeServer((_, request) => [TestTimeServer.Answer(request, _clock.GetUtcNow())[..47]]);
        Assert.Equal(SntpError.NoAnswer, await QueryUntilTimeoutAsync(server));
    }

    [Fact]
    public async Task A_longer_answer_is_as_good()
    {
        await using var server = new TestTimeServer((_, request) => [[.. TestTimeServer.Answer(request, _clock.GetUtcNow()), .. new byte[20]]]);
        Assert.Equal(new SntpAnswer(SntpError.None), await QueryAsync(server));
    }

    [Fact]
    public async Task Nobody_listens()
    {
        IPEndPoint nowhere;
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            nowhere = (IPEndPoint)socket.LocalEndPoint!;
        }

        SntpAnswer answer = await SntpClient.QueryAsync(nowhere, Limit, _clock, TestContext.Current.CancellationToken).WithinDeadline();
        Assert.Equal(SntpError.Unreachable, answer.Error);
    }

    [Fact]
    public async Task It_can_be_cancelled()
    {
        await using var server = new TestTimeServer((_, _) => []);
        using var cancel = new CancellationTokenSource();
        Task<SntpAnswer> query = SntpClient.QueryAsync(server.EndPoint, Limit, _clock, cancel.Token);
        await TestNet.UntilAsync(() => server.Requests == 1, "it is asked");

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => query.WithinDeadline());
    }

    private Task<SntpAnswer> QueryAsync(TestTimeServer server) =>
        SntpClient.QueryAsync(server.EndPoint, Limit, _clock, TestContext.Current.CancellationToken).WithinDeadline();

    private async Task<SntpError> QueryUntilTimeoutAsync(TestTimeServer server)
    {
        Task<SntpAnswer> query = SntpClient.QueryAsync(server.EndPoint, Limit, _clock, TestContext.Current.CancellationToken);
        await TestNet.UntilAsync(() => server.Requests == 1, "it is asked");
        _clock.Advance(Limit - TimeSpan.FromTicks(1));
        Assert.False(query.IsCompleted);
        _clock.Advance(TimeSpan.FromTicks(1));
        return (await query.WithinDeadline()).Error;
    }
}
