using DevP2P.Discovery.Core;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Who comes uninvited, and what nodes say of our address: facts for others to judge.</summary>
public sealed class VisitTests
{
    private readonly V5Net _net = new();
    private readonly V5Machine _machine;

    public VisitTests() => _machine = _net.AddMachine().Listen();

    [Fact]
    public void A_node_that_makes_a_handshake_has_come_uninvited()
    {
        V5Peer peer = _net.AddPeer();
        peer.SendRandom(_machine);
        _net.Run(TimeSpan.FromSeconds(0.5));
        Assert.DoesNotContain(_machine.Outputs, static o => o is VisitedByNode);

        peer.SendHandshake(_machine, peer.LastWhoAreYou.Head, peer.Ping(), peer.Node);
        _net.Run(TimeSpan.FromSeconds(0.5));
        Assert.Equal(peer.EndPoint.Address, Assert.Single(_machine.Outputs.OfType<VisitedByNode>()).From);
    }

    [Fact]
    public void A_node_that_was_pinged_says_where_it_sees_us_and_is_no_visitor()
    {
        V5Machine other = _net.AddMachine().Listen();
        Assert.NotNull(_machine.Ping(other.Node));
        SeenByNode seen = Assert.Single(_machine.Outputs.OfType<SeenByNode>());
        Assert.Equal((other.EndPoint.Address, _machine.EndPoint.Address), (seen.From, seen.Address));

        // Restarted, it has no session any more, and makes a handshake of its own.
        V5Machine again = _net.Restart(other).Listen();
        Assert.NotNull(again.Ping(_machine.Node));
        Assert.Equal(1, _machine.Machine.Counts.HandshakesAccepted);
        Assert.DoesNotContain(_machine.Outputs, static o => o is VisitedByNode);
        Assert.DoesNotContain(again.Outputs, static o => o is VisitedByNode);
    }
}
