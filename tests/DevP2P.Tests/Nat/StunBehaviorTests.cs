using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;
using DevP2P.Tests.Threats;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>How a NAT behaves (RFC 5780), before a server with two addresses that acts as if there were a NAT in between.</summary>
public sealed class StunBehaviorTests
{
    private readonly StepClock _clock = new();

    [Theory]
    [InlineData(StunBehavior.EndpointIndependent, StunBehavior.EndpointIndependent)]
    [InlineData(StunBehavior.EndpointIndependent, StunBehavior.AddressDependent)]
    [InlineData(StunBehavior.EndpointIndependent, StunBehavior.AddressAndPortDependent)]
    [InlineData(StunBehavior.AddressDependent, StunBehavior.AddressAndPortDependent)]
    [InlineData(StunBehavior.AddressAndPortDependent, StunBehavior.AddressAndPortDependent)]
    internal async Task Of_every_kind(StunBehavior mapping, StunBehavior filtering)
    {
        await using var server = new TwoAddressServer(mapping, filtering);

        StunReport report = await ReportAsync(server.EndPoint);

        Assert.Equal((mapping, filtering, true), (report.Mapping, report.Filtering, report.IsTranslated));
        Assert.Equal(IPAddress.Parse("198.51.100.7"), report.Mapped.Address);
        Assert.Equal(IPAddress.Loopback, report.Local.Address);
    }

    [Fact]
    public async Task Without_a_NAT()
    {
        FakeRouter? server = null;
        await using FakeRouter made = server = new((_, asked) => [FakeStun.Answer(asked, server!.Client!)]);

        StunReport report = await ReportAsync(made.EndPoint);

        Assert.False(report.IsTranslated);
        Assert.Equal((StunBehavior.Unknown, StunBehavior.Unknown), (report.Mapping, report.Filtering));
        Assert.Single(made.Requests);
    }

    [Theory]
    [InlineData("192.0.2.1:3479")]
    [InlineData("127.0.0.2:0")]
    [InlineData("[2001:db8::1]:3479")]
    [InlineData("127.0.0.1:3479")]
    [InlineData("224.0.0.1:3479")]
    public async Task A_server_cannot_make_us_send_where_it_likes(string other)
    {
        await using FakeRouter made = new((_, asked) => [FakeStun.Answer(asked, IPEndPoint.Parse("198.51.100.7:1"), other: IPEndPoint.Parse(other))]);

        StunReport report = await ReportAsync(made.EndPoint);

        Assert.Equal((StunBehavior.Unknown, StunBehavior.Unknown), (report.Mapping, report.Filtering));
        Assert.Single(made.Requests);
    }

    [Fact]
    public async Task An_answer_from_elsewhere_is_not_heard()
    {
        FakeRouter? server = null;
        await using FakeRouter made = server = new((_, asked) =>
        {
            server!.SendFromElsewhere(FakeStun.Answer(asked, IPEndPoint.Parse("6.6.6.6:6")));
            return [FakeStun.Answer(asked, IPEndPoint.Parse("198.51.100.7:1"))];
        });

        Assert.Equal(IPEndPoint.Parse("198.51.100.7:1"), (await ReportAsync(made.EndPoint)).Mapped);
    }

    [Fact]
    public async Task A_server_that_does_not_answer()
    {
        await using FakeRouter server = FakeRouter.Silent();

        await FailsAsync(NatError.NotFound, () => ReportAsync(server.EndPoint));
    }

    private async Task<StunReport> ReportAsync(IPEndPoint server)
    {
        Task<StunReport> asking = StunClient.GetBehaviorAsync(server, _clock, TestContext.Current.CancellationToken);
        await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(50), () => asking.IsCompleted, "the server is asked");
        return await asking;
    }

    /// <summary>A server at 127.0.0.1 and 127.0.0.2, with two ports at each, behind whose client a NAT is imagined.</summary>
    private sealed class TwoAddressServer : IAsyncDisposable
    {
        private readonly Socket[,] _sockets = new Socket[2, 2];
        private readonly CancellationTokenSource _stop = new();
        private readonly StunBehavior _mapping;
        private readonly StunBehavior _filtering;
        private readonly Task[] _running;

        public TwoAddressServer(StunBehavior mapping, StunBehavior filtering)
        {
            Assert.SkipWhen(OperatingSystem.IsMacOS(), "there is no 127.0.0.2");
            (_mapping, _filtering) = (mapping, filtering);
            for (int port = 0; port < 2; port++)
            {
                (_sockets[0, port], _sockets[1, port]) = BindPair();
            }

            _running = [.. from address in (int[])[0, 1] from port in (int[])[0, 1] select Task.Run(() => RunAsync(address, port))];
        }

        public IPEndPoint EndPoint => At(0, 0);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_running);
            foreach (Socket socket in _sockets)
            {
                socket.Dispose();
            }

            _stop.Dispose();
        }

        private IPEndPoint At(int address, int port) => (IPEndPoint)_sockets[address, port].LocalEndPoint!;

        /// <summary>One port at both addresses.</summary>
        private static (Socket First, Socket Second) BindPair()
        {
            while (true)
            {
                var first = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                var second = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                first.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                try
                {
                    second.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), ((IPEndPoint)first.LocalEndPoint!).Port));
                    return (first, second);
                }
                catch (SocketException)
                {
                    first.Dispose();
                    second.Dispose();
                }
            }
        }

        private async Task RunAsync(int address, int port)
        {
            byte[] buffer = new byte[100];
            try
            {
                while (true)
                {
                    SocketReceiveFromResult got = await _sockets[address, port].ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                    Assert.True(StunCodec.TryDecode(buffer.AsSpan(0, got.ReceivedBytes), out StunMessage request));
                    int fromAddress = address ^ (request.Change.HasFlag(StunChange.Address) ? 1 : 0);
                    int fromPort = port ^ (request.Change.HasFlag(StunChange.Port) ? 1 : 0);
                    bool passes = _filtering switch
                    {
                        StunBehavior.EndpointIndependent => true,
                        StunBehavior.AddressDependent => fromAddress == address,
                        _ => fromAddress == address && fromPort == port,
                    };
                    int mapped = 4000 + (_mapping switch
                    {
                        StunBehavior.EndpointIndependent => 0,
                        StunBehavior.AddressDependent => address,
                        _ => (address * 2) + port,
                    });
                    if (passes)
                    {
                        byte[] answer = FakeStun.Answer(buffer[..got.ReceivedBytes], new IPEndPoint(IPAddress.Parse("198.51.100.7"), mapped), At(1, 1));
                        await _sockets[fromAddress, fromPort].SendToAsync(answer, got.RemoteEndPoint, _stop.Token);
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // The end.
            }
        }
    }
}
