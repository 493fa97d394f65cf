using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>A clock that is wrong is found out, and nobody else can make it look so.</summary>
public sealed class Discv4ClockTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly TestNet _net = new();

    [Theory]
    [InlineData(3600)]
    [InlineData(40)]
    [InlineData(15)]
    [InlineData(-15)]
    [InlineData(-40)]
    [InlineData(-3600)]
    [Trait("Threat", "T17")]
    public void T17_a_wrong_clock_is_found_out(int secondsAhead)
    {
        TestMachine machine = _net.AddMachine(null, TimeSpan.FromSeconds(secondsAhead)).Start();
        for (int i = 0; i < 12; i++)
        {
            TestPeer peer = _net.AddPeer();
            peer.PingsBack = false;
            peer.AnswersPings = Math.Abs(secondsAhead) < 20;
            peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
            _net.Run(2 * Second);
        }

        ClockDrifted drift = Assert.Single(machine.Outputs.OfType<ClockDrifted>());
        Assert.InRange(drift.Ahead.TotalSeconds, secondsAhead - 3, secondsAhead + 3);
    }

    /// <summary>@ethereumjs/devp2p's packets live for a minute.</summary>
    [Theory]
    [InlineData(20)]
    [InlineData(60)]
    [Trait("Threat", "T17")]
    public void T17_a_right_clock_is_left_alone(int lifetime)
    {
        TestMachine machine = _net.AddMachine().Start();
        for (int i = 0; i < 30; i++)
        {
            TestPeer peer = _net.AddPeer();
            peer.Bond(machine);
            _net.Run(Second);
            peer.Send(machine.EndPoint, new Ping(4, default, default, peer.Expiration - 20 + (ulong)lifetime, null));
            _net.Run(Second);
        }

        Assert.Empty(machine.Outputs.OfType<ClockDrifted>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Threat", "T17")]
    public void T17_one_host_cannot_make_our_clock_look_wrong(bool hasManyKeys)
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        for (int i = 0; i < 20; i++)
        {
            peer = hasManyKeys ? _net.AddPeer(new IPEndPoint(peer.EndPoint.Address, 2000 + i)) : peer;
            peer.AnswersPings = peer.PingsBack = false;
            peer.Send(machine.EndPoint, new Ping(4, new Endpoint(peer.EndPoint, 0), new Endpoint(machine.EndPoint, 0), peer.Expiration + 600, null));
            _net.Run(2 * Second);
        }

        Assert.DoesNotContain(machine.Outputs, o => o is ClockDrifted);
    }

    [Fact]
    public void T17_requests_that_nobody_answers_are_noticed()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer dead = AddDeadPeer();

        Ping(machine, dead, Discv4Limits.MaxUnanswered - 1);
        Assert.Empty(machine.Outputs.OfType<NobodyAnswers>());
        Ping(machine, dead, 1);
        Assert.Single(machine.Outputs.OfType<NobodyAnswers>());

        // They are counted anew after each report.
        Ping(machine, dead, Discv4Limits.MaxUnanswered - 1);
        Assert.Single(machine.Outputs.OfType<NobodyAnswers>());
        Ping(machine, dead, 1);
        Assert.Equal(2, machine.Outputs.OfType<NobodyAnswers>().Count());
    }

    [Fact]
    public void T17_one_answer_shows_that_all_is_well()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer dead = AddDeadPeer();

        Ping(machine, dead, Discv4Limits.MaxUnanswered - 1);
        Ping(machine, _net.AddPeer(), 1);
        Ping(machine, dead, Discv4Limits.MaxUnanswered - 1);

        Assert.Empty(machine.Outputs.OfType<NobodyAnswers>());
    }

    [Fact]
    [Trait("Threat", "T17")]
    public void T17_timers_do_not_follow_the_wall_clock()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.AnswersPings = peer.PingsBack = false;
        machine.Machine.StartPing(machine.Now, peer.Node);
        machine.Drain();

        // The wall clock jumps a day: nothing happens before its time.
        machine.Machine.HandleTimeout(machine.Now with { Utc = machine.Now.Utc.AddDays(1) });
        machine.Drain();
        Assert.Empty(machine.Outputs.OfType<PingDone>());
        machine.Machine.HandleTimeout(machine.Now with { Monotonic = machine.Now.Monotonic + Second });
        machine.Drain();
        Assert.Single(machine.Outputs.OfType<PingDone>());
    }

    private TestPeer AddDeadPeer()
    {
        TestPeer peer = _net.AddPeer();
        peer.AnswersPings = peer.PingsBack = false;
        return peer;
    }

    private void Ping(TestMachine machine, TestPeer peer, int count)
    {
        for (int i = 0; i < count; i++)
        {
            machine.Machine.StartPing(machine.Now, peer.Node);
            machine.Drain();
            _net.Run(Second);
        }
    }
}
