using DevP2P.Dialing;
using DevP2P.Nodes;
using DevP2P.Reputation;
using Xunit;
using static DevP2P.Tests.Dialing.DialDriver;

namespace DevP2P.Tests.Reputation;

/// <summary>What a fact says of a node, and who makes room.</summary>
public sealed class ConductTests
{
    /// <summary>Whoever spreads a wrong address for a node could otherwise have it shunned.</summary>
    [Theory]
    [Trait("Threat", "T03")]
    [InlineData(DialStage.Resolve)]
    [InlineData(DialStage.Connect)]
    [InlineData(DialStage.EncryptionHandshake)]
    public void What_is_not_proven_has_no_consequence_but_a_worse_place_in_the_draw(DialStage stage)
    {
        Conduct conduct = Conduct.OfUnreached(stage);
        Assert.InRange(conduct.Points, -2, -0.5);
        Assert.True(conduct.Floor > ReputationLimits.ShunBelow && conduct.Floor > ReputationLimits.PoorStanding);
        Assert.False(conduct.IsViolation);
    }

    [Theory]
    [InlineData(null, false, true, -3, -9)]
    [InlineData(null, false, false, -1, -9)]
    [InlineData(DisconnectReason.UselessPeer, false, false, -20, -30)]
    [InlineData(DisconnectReason.UselessPeer, true, false, -20, -30)]
    [InlineData(DisconnectReason.IncompatibleVersion, true, false, -20, -30)]
    [InlineData(DisconnectReason.ProtocolError, false, false, -40, -200)]
    [InlineData(DisconnectReason.UnexpectedIdentity, false, false, -40, -200)]
    [InlineData(DisconnectReason.InvalidIdentity, false, false, -40, -200)]
    [InlineData(DisconnectReason.ProtocolError, true, false, 0, 0)]
    [InlineData(DisconnectReason.TooManyPeers, true, false, 0, 0)]
    [InlineData(DisconnectReason.TooManyPeers, false, false, 0, 0)]
    [InlineData(DisconnectReason.AlreadyConnected, true, false, 0, 0)]
    [InlineData(DisconnectReason.Requested, true, false, 0, 0)]
    [InlineData(DisconnectReason.Quitting, true, false, 0, 0)]
    public void A_handshake_that_failed(DisconnectReason? reason, bool isRemote, bool isTimeout, double points, double floor)
    {
        Conduct conduct = Conduct.OfHandshake(reason, isRemote, isTimeout, "detail");
        Assert.Equal((points, floor), (conduct.Points, conduct.Floor));
        Assert.Equal(points == -40, conduct.IsViolation);
        Assert.Equal(points != 0, conduct.IsNote);
    }

    [Theory]
    [InlineData(DisconnectReason.ProtocolError, false, -40)]
    [InlineData(DisconnectReason.ProtocolError, true, 0)]
    [InlineData(DisconnectReason.UselessPeer, false, -20)]
    [InlineData(DisconnectReason.UselessPeer, true, -20)]
    [InlineData(DisconnectReason.ReadTimeout, false, -3)]
    [InlineData(DisconnectReason.ReadTimeout, true, 0)]
    [InlineData(DisconnectReason.SubprotocolError, false, -3)]
    [InlineData(DisconnectReason.NetworkError, false, 0)]
    [InlineData(DisconnectReason.Requested, false, 0)]
    [InlineData(DisconnectReason.TooManyPeers, false, 0)]
    [InlineData(DisconnectReason.Quitting, true, 0)]
    public void A_peer_that_is_gone(DisconnectReason reason, bool isRemote, double points) =>
        Assert.Equal(points, Conduct.OfDrop(reason, isRemote, "detail").Points);

    /// <summary>The numbers must fit together, or one rule would undo another.</summary>
    [Fact]
    public void A_good_standing_takes_hours_and_a_ban_more_than_one_breach()
    {
        Assert.True(ReputationLimits.GoodStanding / ReputationLimits.Useful * ReputationLimits.UsefulInterval >= TimeSpan.FromHours(2));
        Assert.True(ReputationLimits.BanAt < 2 * ReputationLimits.Violation && ReputationLimits.BanAt > ReputationLimits.ViolationFloor);
        Assert.True(ReputationLimits.UselessFloor < ReputationLimits.ShunBelow && ReputationLimits.UselessFloor > ReputationLimits.BanAt);
        Assert.Equal(2 * ReputationLimits.MaxNodesPerSide, NodeDatabase.MaxStandings);
    }

    [Fact]
    [Trait("Threat", "T01")]
    public void The_worst_of_the_poor_and_old_makes_room_for_a_good_one_once_in_a_while()
    {
        var replacement = new Replacement();
        TimeSpan now = TimeSpan.FromDays(1), old = ReputationLimits.MinReplacedAge;
        (NodeId, TimeSpan, double)[] peers =
            [(Id(1), old, 50), (Id(2), old, -10), (Id(3), old, -30), (Id(4), old - TimeSpan.FromTicks(1), -90), (Id(5), old, -9.9)];

        Assert.Equal(Id(3), replacement.Choose(now, 10, peers));
        Assert.Null(replacement.Choose(now, 9.9, peers));
        Assert.Null(replacement.Choose(now, 100, [peers[0], peers[3], peers[4]]));
        Assert.Null(replacement.Choose(now, 100, []));

        replacement.Record(now);
        Assert.Null(replacement.Choose(now + ReputationLimits.ReplacementInterval - TimeSpan.FromTicks(1), 100, peers));
        Assert.Equal(Id(3), replacement.Choose(now + ReputationLimits.ReplacementInterval, 100, peers));
    }
}
