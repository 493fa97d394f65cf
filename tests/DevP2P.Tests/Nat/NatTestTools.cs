using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests.Nat;

internal static class NatTestTools
{
    public static readonly NatMappingRequest Udp30303 = new()
    {
        Protocol = NatProtocol.Udp, InternalPort = 30303, ExternalPort = 30304, Lifetime = TimeSpan.FromMinutes(20),
    };

    /// <summary>60 KiB, which is about as much as a datagram can be.</summary>
    public static readonly byte[] Huge = new byte[60_000];

    public static byte[] Hex(string text) => Convert.FromHexString(string.Concat(text.Where(char.IsAsciiHexDigit)));

    public static void SkipWithoutIPv6()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        }
        catch (SocketException e)
        {
            Assert.Skip($"there is no IPv6 here: {e.Message}");
        }
    }

    public static async Task<NatException> FailsAsync(NatError error, Func<Task> call)
    {
        NatException thrown = await Assert.ThrowsAsync<NatException>(() => call().WithinDeadline());
        Assert.Equal(error, thrown.Error);
        return thrown;
    }

    /// <summary>Lets time pass until a call that gets no answer gives up.</summary>
    public static async Task<NatException> FailsInTimeAsync(this StepClock clock, NatError error, Task call)
    {
        TimeSpan passed = await clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(50), () => call.IsCompleted, "it gives up");
        Assert.True(passed > TimeSpan.FromSeconds(1), "it gave up at once");
        return await FailsAsync(error, () => call);
    }
}
