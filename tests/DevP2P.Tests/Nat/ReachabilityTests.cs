using System.Net;
using CsCheck;
using DevP2P.Nat;
using Xunit;

namespace DevP2P.Tests.Nat;

/// <summary>Who can take an address out of the record, who can keep it there, and when.</summary>
public sealed class ReachabilityTests
{
    private static readonly IPAddress Ours = IPAddress.Parse("44.128.0.1");
    private static readonly IPAddress Elsewhere = IPAddress.Parse("44.128.9.9");

    private readonly Reachability _machine = new();
    private TimeSpan _now = TimeSpan.FromHours(1);

    public ReachabilityTests() => _machine.SetAddress(_now, Ours);

    [Fact]
    public void An_address_that_nobody_sees_is_withdrawn_after_its_time_and_not_before()
    {
        SayFor(Reachability.ConfirmationTime - TimeSpan.FromMinutes(1), Elsewhere, networks: 3);
        Assert.Null(_machine.Withdrawn);
        Assert.Equal(TimeSpan.FromHours(1) + Reachability.ConfirmationTime, _machine.NextTimeout);
        SayFor(TimeSpan.FromMinutes(1), Elsewhere, networks: 3);
        Assert.Equal(Ours, _machine.Withdrawn);
    }

    [Fact]
    public void It_is_tried_again_ever_more_seldom()
    {
        List<TimeSpan> pauses = [];
        TimeSpan? withdrawnAt = null;
        for (TimeSpan end = _now + TimeSpan.FromDays(3); _now < end;)
        {
            SayFor(TimeSpan.FromMinutes(1), Elsewhere, networks: 5);
            if (_machine.Withdrawn is null && withdrawnAt is { } since)
            {
                pauses.Add(_now - since);
                withdrawnAt = null;
            }
            else if (_machine.Withdrawn is not null)
            {
                withdrawnAt ??= _now;
            }
        }

        Assert.Equal([0.5, 1, 2, 4, 8, 8], pauses.Take(6).Select(static p => p.TotalHours));
    }

    [Fact]
    public void A_confirmation_puts_it_back_at_once_and_the_pauses_start_anew()
    {
        SayFor(Reachability.ConfirmationTime, Elsewhere, networks: 4);
        Assert.NotNull(_machine.Withdrawn);
        Say(Ours, 0, 1, 2);
        Assert.Null(_machine.Withdrawn);
        Assert.Null(_machine.NextTimeout);

        SayFor(Reachability.ConfirmationTime, Elsewhere, networks: 4);
        Assert.Equal(_now + Reachability.FirstRetry, _machine.NextTimeout);
    }

    [Fact]
    public void Half_is_no_majority()
    {
        for (int i = 0; i < 20; i++)
        {
            Say(Ours, 0, 1, 2);
            Say(Elsewhere, 3, 4, 5);
            Pass(TimeSpan.FromMinutes(1));
        }

        Assert.NotNull(_machine.Withdrawn);
        Say(Ours, 6);
        Assert.Null(_machine.Withdrawn);
    }

    [Fact]
    public void A_node_that_is_alone_or_in_a_small_network_keeps_its_address()
    {
        Pass(TimeSpan.FromDays(1));
        Assert.Null(_machine.Withdrawn);
        SayFor(TimeSpan.FromDays(1), Elsewhere, networks: Reachability.MinNetworks - 1);
        Assert.Null(_machine.Withdrawn);
    }

    [Fact]
    public void What_was_doubted_once_is_not_withdrawn_when_those_who_doubted_are_gone()
    {
        SayFor(Reachability.ConfirmationTime - TimeSpan.FromMinutes(1), Elsewhere, networks: 3);
        Pass(Reachability.VoiceLifetime + TimeSpan.FromMinutes(1));
        Assert.Null(_machine.Withdrawn);
        Assert.Null(_machine.NextTimeout);
        Assert.Equal(0, _machine.NetworkCount);
    }

    [Theory]
    [Trait("Threat", "T01")]
    [InlineData("127.0.0.{0}")]
    [InlineData("10.{0}.0.1")]
    [InlineData("192.168.{0}.7")]
    [InlineData("198.51.100.{0}")]
    [InlineData("fd00:{0}::1")]
    public void The_LAN_and_special_networks_have_no_voice(string format)
    {
        for (int i = 0; i < 60; i++)
        {
            for (int n = 1; n < 9; n++)
            {
                _machine.HandleStatement(_now, IPAddress.Parse(string.Format(null, format, n)), Elsewhere);
            }

            Pass(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(0, _machine.NetworkCount);
        Assert.Null(_machine.Withdrawn);
    }

    [Theory]
    [Trait("Threat", "T01")]
    [InlineData("45.1.1.{0}")]
    [InlineData("2a01:100:1:{0}::1")]
    public void A_thousand_nodes_of_one_network_do_not_keep_a_dead_address(string format)
    {
        for (int i = 0; i < 60; i++)
        {
            Say(Elsewhere, 0, 1, 2);
            for (int n = 1; n < 250; n++)
            {
                _machine.HandleStatement(_now, IPAddress.Parse(string.Format(null, format, n)), Ours);
                _machine.HandleVisit(_now, IPAddress.Parse(string.Format(null, format, n)));
            }

            Pass(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(4, _machine.NetworkCount);
        Assert.Equal(Ours, _machine.Withdrawn);
    }

    [Fact]
    public void Who_comes_uninvited_confirms_whatever_it_sees()
    {
        SayFor(TimeSpan.FromHours(1), Elsewhere, networks: 5);
        Assert.NotNull(_machine.Withdrawn);
        for (int n = 0; n < 3; n++)
        {
            _machine.HandleVisit(_now, Outsider(n));
        }

        Assert.Null(_machine.Withdrawn);
        SayFor(Reachability.VoiceLifetime, Elsewhere, networks: 5);
        Assert.Null(_machine.Withdrawn);
        SayFor(Reachability.ConfirmationTime + TimeSpan.FromMinutes(1), Elsewhere, networks: 5);
        Assert.NotNull(_machine.Withdrawn);
    }

    [Fact]
    public void Another_address_starts_with_the_voices_that_name_it_and_without_those_who_came_to_the_first()
    {
        SayFor(TimeSpan.FromHours(1), Elsewhere, networks: 3);
        for (int n = 3; n < 20; n++)
        {
            _machine.HandleVisit(_now, Outsider(n));
        }

        _machine.SetAddress(_now, IPAddress.Parse("44.128.7.7"));
        Assert.Null(_machine.Withdrawn);
        SayFor(Reachability.ConfirmationTime, Elsewhere, networks: 3);
        Assert.NotNull(_machine.Withdrawn);

        _machine.SetAddress(_now, Elsewhere);
        SayFor(TimeSpan.FromHours(1), Elsewhere, networks: 3);
        Assert.Null(_machine.Withdrawn);
    }

    [Fact]
    public void In_another_network_all_is_forgotten()
    {
        SayFor(TimeSpan.FromHours(1), Elsewhere, networks: 3);
        _machine.Forget();
        Assert.Null(_machine.Withdrawn);
        Assert.Equal((0, (TimeSpan?)null), (_machine.NetworkCount, _machine.NextTimeout));
    }

    [Fact]
    public void Memory_is_bounded_and_the_silent_make_room()
    {
        for (int n = 0; n < 4 * Reachability.MaxNetworks; n++)
        {
            _machine.HandleStatement(_now += TimeSpan.FromMilliseconds(1), Outsider(n), Elsewhere);
            _machine.HandleStatement(_now, Outsider(0), Ours);
            Assert.InRange(_machine.NetworkCount, 1, Reachability.MaxNetworks);
        }

        Assert.Equal(Reachability.MaxNetworks, _machine.NetworkCount);
    }

    /// <summary>Against a plain model: a list of all that was said, counted anew at each step.</summary>
    [Fact]
    public void It_judges_as_a_plain_count_does()
    {
        Gen<(int Kind, int Network, int Seconds)> step = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 6], Gen.Int[0, 400]);
        step.List[1, 200].Sample(steps =>
        {
            var machine = new Reachability();
            TimeSpan now = TimeSpan.FromHours(1);
            machine.SetAddress(now, Ours);
            List<(TimeSpan At, int Network, int Kind)> said = [];
            foreach ((int kind, int network, int seconds) in steps)
            {
                now += TimeSpan.FromSeconds(seconds);
                IPAddress? before = machine.Withdrawn;
                switch (kind)
                {
                    case 0:
                        machine.HandleStatement(now, Outsider(network), Ours);
                        break;
                    case 1:
                        machine.HandleStatement(now, Outsider(network), Elsewhere);
                        break;
                    case 2:
                        machine.HandleVisit(now, Outsider(network));
                        break;
                    default:
                        machine.HandleTimeout(now);
                        break;
                }

                if (kind < 3)
                {
                    said.Add((now, network, kind));
                }

                var fresh = said.Where(s => now - s.At <= Reachability.VoiceLifetime).GroupBy(static s => s.Network).ToList();
                int votesFor = fresh.Count(static g => g.Any(static s => s.Kind == 2) || g.Last(static s => s.Kind < 2).Kind == 0);
                bool isConfirmed = fresh.Count >= Reachability.MinNetworks && votesFor > fresh.Count - votesFor;
                bool isDenied = fresh.Count >= Reachability.MinNetworks && !isConfirmed;
                Assert.False(isConfirmed && machine.Withdrawn is not null);
                Assert.False(before is null && machine.Withdrawn is not null && !isDenied);
                Assert.Equal(isDenied || machine.Withdrawn is not null, machine.NextTimeout is not null);
                Assert.True(machine.NextTimeout is not { } due || due > now);
            }
        });
    }

    private static IPAddress Outsider(int network) => IPAddress.Parse($"{46 + (network / 250)}.{network % 250}.1.1");

    private void Say(IPAddress seen, params int[] networks)
    {
        foreach (int network in networks)
        {
            _machine.HandleStatement(_now, Outsider(network), seen);
        }
    }

    private void SayFor(TimeSpan time, IPAddress seen, int networks)
    {
        for (TimeSpan end = _now + time; _now < end;)
        {
            Say(seen, [.. Enumerable.Range(0, networks)]);
            Pass(TimeSpan.FromMinutes(1));
        }
    }

    private void Pass(TimeSpan time)
    {
        _now += time;
        _machine.HandleTimeout(_now);
    }
}
