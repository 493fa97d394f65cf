using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace DevP2P.Tests.Dialing;

/// <summary>Loopback only; ports chosen by the system; time is virtual where time matters.</summary>
public sealed class TcpDialerTests
{
    private static readonly Node AnyNode = DialDriver.NodeOf(1);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private static CancellationToken TestToken => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    public async Task It_connects_and_tells_both_ends(string address)
    {
        IPAddress remote = IPAddress.Parse(address);
        IPAddress plain = remote.IsIPv4MappedToIPv6 ? remote.MapToIPv4() : remote;
        using var listener = new TcpListener(plain, 0);
        listener.Start();
        var endPoint = (IPEndPoint)listener.LocalEndpoint;

        DialedConnection connection = await new TcpDialer().ConnectAsync(AnyNode, [new IPEndPoint(remote, endPoint.Port)], TestToken);
        await using Stream stream = connection.Stream;
        using Socket accepted = await listener.AcceptSocketAsync(TestToken);
        Assert.Equal(endPoint, connection.RemoteEndPoint);
        Assert.Equal(accepted.RemoteEndPoint, connection.LocalEndPoint);
        Assert.True(Assert.IsType<NetworkStream>(stream).Socket.NoDelay);

        await stream.WriteAsync(new byte[] { 7 }, TestToken);
        byte[] received = new byte[1];
        Assert.Equal(1, await accepted.ReceiveAsync(received, TestToken));
        Assert.Equal(7, received[0]);
    }

    [Fact]
    public async Task A_refused_connection_throws_the_sockets_error()
    {
        using Socket deaf = BindWithoutListening();
        SocketException e = await Assert.ThrowsAsync<SocketException>(
            async () => await new TcpDialer().ConnectAsync(AnyNode, [(IPEndPoint)deaf.LocalEndPoint!], TestToken));
        Assert.Equal(SocketError.ConnectionRefused, e.SocketErrorCode);
    }

    [Fact]
    public async Task The_next_end_point_is_tried_at_once_when_one_fails()
    {
        using Socket deaf = BindWithoutListening();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        // On a clock that stands still only the failure itself can start the second attempt.
        var dialer = new TcpDialer(TcpDialer.ConnectSocketAsync, new FakeTimeProvider());
        DialedConnection connection = await dialer.ConnectAsync(
            AnyNode, [(IPEndPoint)deaf.LocalEndPoint!, (IPEndPoint)listener.LocalEndpoint], TestToken);
        await connection.Stream.DisposeAsync();
        Assert.Equal(listener.LocalEndpoint, connection.RemoteEndPoint);
    }

    [Fact]
    public async Task When_all_end_points_fail_the_last_error_is_thrown()
    {
        var dialer = new TcpDialer(
            (endPoint, _) => ValueTask.FromException<DialedConnection>(new IOException($"no {endPoint.Port}")), new FakeTimeProvider());
        IOException e = await Assert.ThrowsAsync<IOException>(
            async () => await dialer.ConnectAsync(AnyNode, [Loopback(1), Loopback(2)], TestToken));
        Assert.Equal("no 2", e.Message);
    }

    [Fact]
    public async Task A_silent_end_point_is_joined_by_the_next_after_the_attempt_delay()
    {
        var time = new FakeTimeProvider();
        var attempts = new ScriptedConnects();
        Task<DialedConnection> dial = new TcpDialer(attempts.ConnectAsync, time).ConnectAsync(AnyNode, [Loopback(1), Loopback(2)], TestToken).AsTask();
        Assert.Equal(1, await attempts.NextAsync());
        time.Advance(TcpDialer.AttemptDelay - TimeSpan.FromTicks(1));
        Assert.False(attempts.Any);
        time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(2, await attempts.NextAsync());

        MemoryStream second = attempts.Succeed(2);
        Assert.Same(second, (await dial.WaitAsync(Deadline, TestToken)).Stream);
        Assert.True(attempts.IsCancelled(1));
        Assert.True(second.CanRead);
    }

    [Fact]
    public async Task A_connection_that_comes_second_is_closed()
    {
        var time = new FakeTimeProvider();
        var attempts = new ScriptedConnects { IgnoreCancellation = true };
        Task<DialedConnection> dial = new TcpDialer(attempts.ConnectAsync, time).ConnectAsync(AnyNode, [Loopback(1), Loopback(2)], TestToken).AsTask();
        await attempts.NextAsync();
        time.Advance(TcpDialer.AttemptDelay);
        await attempts.NextAsync();
        MemoryStream winner = attempts.Succeed(2);
        MemoryStream loser = attempts.Succeed(1);
        DialedConnection connection = await dial.WaitAsync(Deadline, TestToken);
        MemoryStream closed = connection.Stream == winner ? loser : winner;
        Assert.False(closed.CanRead);
        Assert.True(connection.Stream.CanRead);
    }

    [Fact]
    public async Task Silence_ends_after_the_timeout()
    {
        var time = new FakeTimeProvider();
        var attempts = new ScriptedConnects();
        Task<DialedConnection> dial = new TcpDialer(attempts.ConnectAsync, time).ConnectAsync(AnyNode, [Loopback(1)], TestToken).AsTask();
        await attempts.NextAsync();
        time.Advance(TcpDialer.Timeout - TimeSpan.FromTicks(1));
        Assert.False(dial.IsCompleted);
        time.Advance(TimeSpan.FromTicks(1));
        TimeoutException e = await Assert.ThrowsAsync<TimeoutException>(() => dial.WaitAsync(Deadline, TestToken));
        Assert.Equal("no answer within 15 s", e.Message);
        Assert.True(attempts.IsCancelled(1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Cancellation_ends_all_attempts(int endPoints)
    {
        var attempts = new ScriptedConnects();
        using var cancellation = new CancellationTokenSource();
        Task<DialedConnection> dial = new TcpDialer(attempts.ConnectAsync, new FakeTimeProvider())
            .ConnectAsync(AnyNode, [.. Enumerable.Range(1, endPoints).Select(Loopback)], cancellation.Token).AsTask();
        Assert.Equal(1, await attempts.NextAsync());
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dial.WaitAsync(Deadline, TestToken));
        Assert.True(attempts.IsCancelled(1));
    }

    [Fact]
    public async Task The_number_of_end_points_is_limited()
    {
        int count = 0;
        var dialer = new TcpDialer(
            (_, _) =>
            {
                count++;
                return ValueTask.FromException<DialedConnection>(new IOException("no"));
            },
            new FakeTimeProvider());
        await Assert.ThrowsAsync<IOException>(
            async () => await dialer.ConnectAsync(AnyNode, [.. Enumerable.Range(1, 100).Select(Loopback)], TestToken));
        Assert.Equal(TcpDialer.MaxEndPoints, count);
        await Assert.ThrowsAsync<ArgumentException>(async () => await dialer.ConnectAsync(AnyNode, [], TestToken));
    }

    private static IPEndPoint Loopback(int port) => new(IPAddress.Loopback, port);

    /// <summary>A port that is taken, so that nobody else listens there, and that refuses connections.</summary>
    private static Socket BindWithoutListening()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(Loopback(0));
        return socket;
    }

    /// <summary>Connection attempts that end when the test says so. Attempts are told apart by their port.</summary>
    private sealed class ScriptedConnects
    {
        private readonly Dictionary<int, (TaskCompletionSource<DialedConnection> Result, CancellationToken Token)> _attempts = [];
        private readonly Channel<int> _started = Channel.CreateUnbounded<int>();

        public bool IgnoreCancellation { get; init; }

        public bool Any => _started.Reader.TryPeek(out _);

        public ValueTask<DialedConnection> ConnectAsync(IPEndPoint endPoint, CancellationToken cancellationToken)
        {
            var result = new TaskCompletionSource<DialedConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
            _attempts.Add(endPoint.Port, (result, cancellationToken));
            _started.Writer.TryWrite(endPoint.Port);
            return new ValueTask<DialedConnection>(IgnoreCancellation ? result.Task : result.Task.WaitAsync(cancellationToken));
        }

        public async Task<int> NextAsync() => await _started.Reader.ReadAsync(TestToken).AsTask().WaitAsync(Deadline, TestToken);

        public bool IsCancelled(int port) => _attempts[port].Token.IsCancellationRequested;

        public MemoryStream Succeed(int port)
        {
            var stream = new MemoryStream();
            _attempts[port].Result.SetResult(new DialedConnection(stream));
            return stream;
        }
    }
}
