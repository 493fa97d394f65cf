using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>Who comes uninvited, and what nodes say of our address: facts for others to judge.</summary>
public sealed class VisitTests
{
    private readonly TestNet _net = new();
    private readonly TestMachine _machine;
    private readonly TestPeer _peer;

    public VisitTests()
    {
        _machine = _net.AddMachine().Start();
        _peer = _net.AddPeer();
    }

    [Fact]
    public void A_node_that_pings_first_has_come_uninvited_once_it_has_proved_where_it_is()
    {
        _peer.Send(_machine.EndPoint, _peer.NewPing(_machine.EndPoint));
        _net.Run(TimeSpan.FromSeconds(2));

        Assert.Equal(_peer.EndPoint.Address, Assert.Single(_machine.Outputs.OfType<VisitedByNode>()).From);
        Assert.All(_machine.Outputs.OfType<SeenByNode>(), s => Assert.Equal((_peer.EndPoint.Address, _machine.EndPoint.Address), (s.From, s.Address)));
        Assert.NotEmpty(_machine.Outputs.OfType<SeenByNode>());
    }

    [Fact]
    public void Who_proves_nothing_has_neither_come_nor_said_anything()
    {
        _peer.AnswersPings = false;
        for (int i = 0; i < 5; i++)
        {
            _peer.Send(_machine.EndPoint, _peer.NewPing(_machine.EndPoint));
            _net.Run(TimeSpan.FromSeconds(2));
        }

        Assert.DoesNotContain(_machine.Outputs, static o => o is VisitedByNode or SeenByNode);
    }

    [Fact]
    public void A_node_that_was_contacted_before_is_no_visitor_though_it_did_not_answer()
    {
        _peer.AnswersPings = false;
        _machine.Machine.StartPing(_net.Now, _peer.Node);
        _machine.Drain();
        _net.Run(TimeSpan.FromSeconds(5));
        Assert.NotEmpty(_peer.All<Ping>());

        _peer.AnswersPings = true;
        _peer.Send(_machine.EndPoint, _peer.NewPing(_machine.EndPoint));
        _net.Run(TimeSpan.FromSeconds(2));
        Assert.Contains(_machine.Outputs, static o => o is SeenByNode);
        Assert.DoesNotContain(_machine.Outputs, static o => o is VisitedByNode);
    }
}
