using DevP2P.Discovery.V5;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Both sides begin at once, and the other one drops our handshake, as @chainsafe/discv5 does.</summary>
public sealed class CrossedHandshakeTests
{
    [Fact]
    public void The_request_goes_out_again_in_the_session_of_the_other_side()
    {
        var net = new V5Net();
        V5Machine a = net.AddMachine().Start();
        V5Machine b = net.AddMachine().Start();
        int dropped = 0;
        net.IsLost = (from, to, datagram) =>
        {
            // Of what a sends, the handshake is the only packet of this size; and b never repeats anything.
            bool isHandshake = from.Equals(a.EndPoint) && datagram.Length > 250;
            dropped += isHandshake ? 1 : 0;
            return isHandshake;
        };

        long id = a.Machine.StartPing(net.Now, b.Node);
        a.Drain();
        long other = b.Machine.StartPing(net.Now, a.Node);
        b.Drain();

        Assert.NotNull(b.Wait<PingDone>(done => done.Id == other, TimeSpan.FromSeconds(1)).Reply);
        Assert.NotNull(a.Wait<PingDone>(done => done.Id == id, TimeSpan.FromSeconds(3)).Reply);
        Assert.Equal(1, dropped);
        Assert.Equal(0, a.Machine.CallCount);
    }
}
