using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests.Nat;

public sealed class UdpExchangeTests
{
    private const int MaxSize = 100;

    private readonly StepClock _clock = new();

    [Fact]
    public async Task A_datagram_that_is_too_long_is_never_looked_at()
    {
        await using FakeRouter router = new((_, _) => [new byte[MaxSize + 1], NatTestTools.Huge, new byte[MaxSize], [1]]);
        using Socket socket = Gateways.Connect(router.EndPoint);
        var seen = new List<int>();

        int? answer = await UdpExchange.AskAsync(
            socket, null, new byte[] { 7 }, new Retransmission(TimeSpan.FromSeconds(1), 1), MaxSize,
            (ReadOnlySpan<byte> packet, IPEndPoint from, out int read) =>
            {
                Assert.Equal(router.EndPoint, from);
                seen.Add(packet.Length);
                read = packet[0];
                return read == 1;
            },
            _clock, TestContext.Current.CancellationToken).WithinDeadline();

        Assert.Equal(1, answer);
        Assert.Equal([MaxSize, 1], seen);
    }
}
