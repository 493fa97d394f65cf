using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;
using DevP2P.Tests.NetUtil;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests;

/// <summary>T17: a clock that is wrong is found out by SNTP, and said plainly.</summary>
public sealed class ClockCheckTests
{
    private readonly StepClock _clock = new();
    private readonly CapturedLog _log = new();

    [Theory]
    [InlineData(12.3, "Warning The system clock is 12.3 s behind: other nodes will ignore our packets.")]
    [InlineData(-12.3, "Warning The system clock is 12.3 s ahead: other nodes will ignore our packets.")]
    [InlineData(86400, "Warning The system clock is 86400.0 s behind: other nodes will ignore our packets.")]
    [InlineData(10, "Debug The system clock is right offset=10.0 s behind")]
    [InlineData(-10, "Debug The system clock is right offset=10.0 s ahead")]
    [InlineData(0, "Debug The system clock is right offset=0.0 s behind")]
    public async Task The_size_is_said_and_the_direction(double offset, string line)
    {
        await using var server = new TestTimeServer(() => _clock.GetUtcNow() + TimeSpan.FromSeconds(offset));

        ClockCheck check = await RunAsync(server);

        Assert.StartsWith(line, Assert.Single(_log.Lines), StringComparison.Ordinal);
        Assert.EndsWith($"server={server.EndPoint}", Assert.Single(_log.Lines), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromSeconds(offset), check.Offset);
        Assert.Equal(ClockCheck.Answers, server.Requests);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task One_answer_that_lies_does_not_matter(int which)
    {
        await using var server = new TestTimeServer((number, request) =>
            [TestTimeServer.Answer(request, _clock.GetUtcNow() + TimeSpan.FromHours(number == which ? 5 : 0))]);

        ClockCheck check = await RunAsync(server);

        Assert.Equal(TimeSpan.Zero, check.Offset);
        Assert.StartsWith("Debug The system clock is right", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_lost_answers_do_not_matter()
    {
        await using var server = new TestTimeServer((number, request) =>
            number is 1 or 3 ? TimeIsUp() : [TestTimeServer.Answer(request, _clock.GetUtcNow())]);

        ClockCheck check = await RunAsync(server);

        Assert.Equal(TimeSpan.Zero, check.Offset);
        Assert.Equal(ClockCheck.MaxRequests, server.Requests);
    }

    [Fact]
    public async Task Three_lost_answers_do()
    {
        await using var server = new TestTimeServer((number, request) =>
            number is 0 or 1 or 3 ? TimeIsUp() : [TestTimeServer.Answer(request, _clock.GetUtcNow() + TimeSpan.FromHours(5))]);

        ClockCheck check = await RunAsync(server);

        Assert.Null(check.Offset);
        AssertNotChecked(server, "it does not answer");
    }

    [Theory]
    [InlineData("silent", ClockCheck.MaxRequests, "it does not answer")]
    [InlineData("truncated", ClockCheck.MaxRequests, "it does not answer")]
    [InlineData("stranger", ClockCheck.MaxRequests, "it does not answer")]
    [InlineData("backwards", ClockCheck.MaxRequests, "its times contradict one another")]
    [InlineData("alarm", ClockCheck.MaxRequests, "it does not know the time itself")]
    [InlineData("RATE", 1, "it is asked too often")]
    [InlineData("DENY", 1, "it does not want to be asked, and will not be any more")]
    public async Task Servers_that_tell_no_time(string kind, int requests, string reason)
    {
        await using var server = new TestTimeServer((_, request) =>
        {
            byte[] answer = TestTimeServer.Answer(request, _clock.GetUtcNow() + TimeSpan.FromHours(5));
            switch (kind)
            {
                case "silent":
                    return TimeIsUp();
                case "truncated":
                    return [answer[..40], .. TimeIsUp()];
                case "stranger":
                    answer[27] ^= 1;
                    return [answer, .. TimeIsUp()];
                case "backwards":
                    TestTimeServer.WriteTime(answer.AsSpan(40), _clock.GetUtcNow());
                    break;
                case "alarm":
                    answer[0] |= 0xc0;
                    break;
                default:
                    answer = SntpTests.Kiss(request, kind);
                    break;
            }

            return [answer];
        });

        ClockCheck check = await RunAsync(server);

        Assert.Null(check.Offset);
        Assert.Equal(requests, server.Requests);
        AssertNotChecked(server, reason);
        _clock.Advance(ClockDrift.Cooldown);
        Assert.Equal(kind != "DENY", check.TryBegin());
    }

    [Fact]
    public async Task A_check_that_fails_keeps_what_the_last_one_found()
    {
        bool isSilent = false;
        await using var server = new TestTimeServer((_, request) =>
            isSilent ? TimeIsUp() : [TestTimeServer.Answer(request, _clock.GetUtcNow() + TimeSpan.FromSeconds(3))]);
        ClockCheck check = await RunAsync(server);
        isSilent = true;

        await check.RunAsync(TestContext.Current.CancellationToken).WithinDeadline();

        Assert.Equal(TimeSpan.FromSeconds(3), check.Offset);
        Assert.Contains(_log.Lines, static l => l.StartsWith("Warning The system clock could not be checked", StringComparison.Ordinal));
    }

    [Fact]
    public void At_most_every_ten_minutes()
    {
        var check = new ClockCheck("127.0.0.1", _clock, _log);

        Assert.True(check.TryBegin());
        Assert.False(check.TryBegin());
        _clock.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromTicks(1));
        Assert.False(check.TryBegin());
        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.True(check.TryBegin());
        Assert.False(check.TryBegin());
    }

    [Fact]
    public async Task A_name_is_looked_up()
    {
        await using var server = new TestTimeServer(() => _clock.GetUtcNow());
        var check = new ClockCheck($"localhost:{server.EndPoint.Port}", _clock, _log);

        // [::1], where nobody listens, may be tried first.
        await check.RunAsync(TestContext.Current.CancellationToken).WithinDeadline();

        Assert.Equal(TimeSpan.Zero, check.Offset);
    }

    [Fact]
    public async Task A_server_says_so_when_it_starts()
    {
        await using var timeServer = new TestTimeServer(static () => DateTimeOffset.UtcNow + TimeSpan.FromHours(1));

        await using Server server = await TestNet.StartAsync(Options(timeServer));

        await TestNet.UntilAsync(() => server.ClockOffset is not null, "the clock is checked");
        Assert.InRange(server.ClockOffset!.Value, TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(61));
        Assert.Single(_log.Lines, static l => l.StartsWith("Warning The system clock is 3", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nobody_is_asked_without_discovery_or_without_the_option()
    {
        await using var timeServer = new TestTimeServer(static () => DateTimeOffset.UtcNow);
        await using (Server server = await TestNet.StartAsync(Options(timeServer) with { NoDiscovery = true }))
        {
            Assert.Null(server.ClockOffset);
        }

        await using (Server server = await TestNet.StartAsync(Options(timeServer) with { SntpServer = null }))
        {
            Assert.Null(server.ClockOffset);
        }

        // Both have stopped: what they had begun has ended.
        Assert.Equal(0, timeServer.Requests);
        Assert.Null(new ServerOptions { PrivateKey = PrivateKey.Generate() }.SntpServer);
    }

    [Fact]
    public async Task A_stopping_server_does_not_wait_for_the_time()
    {
        await using var timeServer = new TestTimeServer((_, _) => []);
        Server server = await TestNet.StartAsync(Options(timeServer) with { TimeProvider = _clock });
        await TestNet.UntilAsync(() => timeServer.Requests == 1, "it is asked");

        await server.StopAsync().WithinDeadline();

        Assert.DoesNotContain(_log.Lines, static l => l.Contains("could not be checked", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_clock_is_checked_again_when_nobody_answers()
    {
        TimeSpan offset = TimeSpan.Zero;
        await using var timeServer = new TestTimeServer(() => _clock.GetUtcNow() + offset);
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using Server server = await TestNet.StartAsync(Options(timeServer) with { TimeProvider = _clock });
        await TestNet.UntilAsync(() => server.ClockOffset == TimeSpan.Zero, "the clock is checked at the start");
        _clock.Advance(ClockDrift.Cooldown);
        offset = TimeSpan.FromSeconds(30);

        Task<DiscoveryPing?>[] pings = [.. Enumerable.Range(0, Discv4Limits.MaxUnanswered).Select(_ => PingAsync(server, silent))];
        await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(100), () => pings.All(static p => p.IsCompleted), "all have given up");

        Assert.All(pings, static p => Assert.Null(p.Result));
        await TestNet.UntilAsync(() => server.ClockOffset > TimeSpan.FromSeconds(20), "the clock is checked again");
    }

    [Fact]
    public async Task The_clock_is_checked_again_when_other_clocks_differ()
    {
        await using var timeServer = new TestTimeServer(() => _clock.GetUtcNow());
        await using Server server = await TestNet.StartAsync(Options(timeServer) with { TimeProvider = _clock });
        await TestNet.UntilAsync(() => timeServer.Requests == ClockCheck.Answers && server.ClockOffset is not null, "the clock is checked at the start");
        _clock.Advance(ClockDrift.Cooldown);
        using var others = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        byte[] packet = new byte[Codec.MaxPacketSize];

        // Each node counts once, and one packet in a second.
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(2), () =>
        {
            ulong expiration = (ulong)(_clock.GetUtcNow() + TimeSpan.FromHours(1)).ToUnixTimeSeconds();
            int length = Codec.Encode(new Ping(4, default, default, expiration, null), Discv4Options.SignWith(PrivateKey.Generate()), packet, out _);
            others.SendTo(packet.AsSpan(0, length), server.DiscoveryV4!.LocalEndPoint!);
            return _log.Lines.Any(static l => l.StartsWith("Warning The system clock seems to be 3", StringComparison.Ordinal));
        }, "the difference is found out");

        await TestNet.UntilAsync(() => timeServer.Requests > ClockCheck.Answers, "the clock is checked again");
        Assert.Contains(_log.Lines, static l => l.Contains(" s behind other nodes' clocks", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("http://pool.ntp.org")]
    [InlineData("pool.ntp.org:0")]
    public void A_server_that_cannot_be_one(string text)
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => new Server(TestNet.Options() with { SntpServer = text }));
        Assert.StartsWith($"SntpServer \"{text}\" is not a host with or without a port", e.Message, StringComparison.Ordinal);
    }

    private static Task<DiscoveryPing?> PingAsync(Server server, Socket to)
    {
        var at = (IPEndPoint)to.LocalEndPoint!;
        return server.DiscoveryV4!.PingAsync(
            Node.Create(PrivateKey.Generate().PublicKey, at.Address, 0, at.Port), TestContext.Current.CancellationToken);
    }

    private ServerOptions Options(TestTimeServer timeServer) => TestNet.Options() with
    {
        NoDiscovery = false,
        SntpServer = timeServer.EndPoint.ToString(),
        LoggerFactory = _log,
    };

    private async Task<ClockCheck> RunAsync(TestTimeServer server)
    {
        var check = new ClockCheck(server.EndPoint.ToString(), _clock, _log);
        Assert.True(check.TryBegin());
        await check.RunAsync(TestContext.Current.CancellationToken).WithinDeadline();
        return check;
    }

    /// <summary>No answer, and the client's patience ends: it has set its limit before it asked.</summary>
    private byte[][] TimeIsUp()
    {
        _clock.Advance(ClockCheck.Timeout);
        return [];
    }

    private void AssertNotChecked(TestTimeServer server, string reason) => Assert.Equal(
        $"Warning The system clock could not be checked server={server.EndPoint} reason={reason}", Assert.Single(_log.Lines));
}
