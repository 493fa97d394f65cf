using System.Net;
using DevP2P.Nat;
using Xunit;

namespace DevP2P.Tests.Nat;

public sealed class PortMapperTests
{
    private static readonly IPAddress s_elsewhere = IPAddress.Parse("44.128.0.2");

    [Fact]
    public void The_status_is_asked_first_and_then_each_port_is_mapped_one_call_at_a_time()
    {
        var driver = new MapperDriver(targets: [MapperDriver.Tcp, MapperDriver.Udp]);
        driver.Status(MapperDriver.Outside);
        Assert.Equal(new ExternalAddressChanged(false, MapperDriver.Outside), Assert.Single(driver.TakeFacts()));
        Assert.Equal(30303, driver.Call<MapWanted>().ExternalPort);
        Assert.Equal(MapperDriver.Tcp, driver.Call<MapWanted>().Target);
        driver.Map();
        Assert.Equal(MapperDriver.Udp, driver.Call<MapWanted>().Target);
        driver.Map();
        Assert.Equal([new PortMapped(MapperDriver.Tcp, 30303, 0), new PortMapped(MapperDriver.Udp, 30303, 0)], driver.TakeFacts());
        Assert.Empty(driver.Calls);
    }

    [Fact]
    public void A_mapping_is_renewed_after_half_of_its_granted_lifetime_by_the_port_granted()
    {
        MapperDriver driver = Mapped(port: 40404, lifetime: TimeSpan.FromSeconds(100));
        Assert.Equal(TimeSpan.FromSeconds(50), driver.Next());
        Assert.Equal(40404, driver.Call<MapWanted>().ExternalPort);
        driver.Map(lifetime: TimeSpan.FromSeconds(60));
        Assert.Empty(driver.TakeFacts());
        Assert.Equal(TimeSpan.FromSeconds(30), driver.Next());
        driver.Call<MapWanted>();
    }

    [Theory]
    [InlineData(0.001, 2)]
    [InlineData(1e9, 120)]
    public void The_interval_of_renewals_is_bounded_whatever_is_granted(double seconds, int renewedAfter)
    {
        MapperDriver driver = Mapped(lifetime: TimeSpan.FromSeconds(seconds));
        Assert.Equal(TimeSpan.FromSeconds(renewedAfter), driver.Next());
        if (seconds > 1)
        {
            // That was the status.
            driver.Status(MapperDriver.Outside);
            Renewal(driver, PortMapperLimits.MaxRenewal);
        }
    }

    [Fact]
    public void A_mapping_that_cannot_be_renewed_is_lost_when_its_lifetime_ends()
    {
        MapperDriver driver = Mapped(lifetime: TimeSpan.FromSeconds(100));
        while (driver.Now < TimeSpan.FromSeconds(100))
        {
            driver.Next();
            if (driver.Calls.Count > 0)
            {
                driver.Fail(NatError.Timeout);
            }
        }

        PortLost lost = Assert.Single(driver.TakeFacts().OfType<PortLost>());
        Assert.Equal((MapperDriver.Tcp, 30303), (lost.Target, lost.ExternalPort));
        Assert.Equal(TimeSpan.FromSeconds(100), driver.Now);
        Until<MapWanted>(driver, NatError.Timeout);
        driver.Map();
        Assert.Contains(new PortMapped(MapperDriver.Tcp, 30303, 0), driver.TakeFacts());
    }

    [Fact]
    public void When_a_port_is_taken_the_next_ones_and_then_others_at_random_are_tried_and_it_says_why()
    {
        MapperDriver driver = Started();
        List<int> tried = [];
        for (int i = 0; i < PortMapperLimits.MaxPortsPerRound; i++)
        {
            tried.Add(driver.Call<MapWanted>().ExternalPort);
            driver.Fail(NatError.Conflict, "taken by a printer");
        }

        Assert.Empty(driver.Calls);
        Assert.Equal([30303, 30304, 30305, 30306], tried[..4]);
        Assert.All(tried[4..], port => Assert.InRange(port, PortMapperLimits.MinRandomPort, 65535));
        Assert.Distinct(tried);
        IReadOnlyList<PortMapperOutput> facts = driver.TakeFacts();
        Assert.Equal(new PortTaken(MapperDriver.Tcp, 30303, 30304, "taken by a printer"), facts[0]);
        MapFailed failed = Assert.IsType<MapFailed>(facts[^1]);
        Assert.Equal(NatError.Conflict, failed.Error);
        Until<MapWanted>(driver);
        Assert.Equal(30303, driver.Call<MapWanted>().ExternalPort);
    }

    [Fact]
    public void Ports_beyond_the_last_and_those_of_ours_are_not_tried()
    {
        PortTarget high = new(false, NatProtocol.Udp, 65534);
        PortTarget other = new(false, NatProtocol.Udp, 65535);
        var driver = new MapperDriver(targets: [high, other]);
        driver.Status();
        driver.Fail(NatError.Conflict);
        int next = driver.Call<MapWanted>().ExternalPort;
        Assert.Equal(high, driver.Call<MapWanted>().Target);
        Assert.InRange(next, PortMapperLimits.MinRandomPort, 65533);
    }

    [Fact]
    public void A_port_that_is_somebody_elses_at_the_renewal_is_replaced()
    {
        MapperDriver driver = Mapped();
        Renewal(driver, PortMapperLimits.Lifetime / 2);
        driver.Fail(NatError.Conflict);
        driver.Map();
        Assert.Contains(new PortMapped(MapperDriver.Tcp, 30304, 30303), driver.TakeFacts());
        driver.Stop();
        Assert.Equal(30304, driver.Call<UnmapWanted>().ExternalPort);
        driver.Unmap();
        Assert.True(driver.Mapper.IsDone, "the other one's port was removed, too");
    }

    [Fact]
    public void A_changed_address_is_noticed_by_the_status_and_everything_is_mapped_again()
    {
        MapperDriver driver = Mapped();
        Assert.Equal(PortMapperLimits.StatusInterval, driver.Next());
        driver.Status(s_elsewhere);
        Assert.Contains(new ExternalAddressChanged(false, s_elsewhere), driver.TakeFacts());
        driver.Call<MapWanted>();
        driver.Map();
        Assert.Empty(driver.Calls);
    }

    [Fact]
    public void A_changed_address_in_the_answer_of_a_mapping_counts_too()
    {
        var driver = new MapperDriver(targets: [MapperDriver.Tcp, MapperDriver.Udp]);
        driver.Status(MapperDriver.Outside);
        driver.Map(address: MapperDriver.Outside);
        driver.Map(address: s_elsewhere);
        Assert.Contains(new ExternalAddressChanged(false, s_elsewhere), driver.TakeFacts());
        Assert.Equal(MapperDriver.Tcp, driver.Call<MapWanted>().Target);
    }

    [Fact]
    public void An_address_that_differs_with_each_answer_makes_everything_be_mapped_again_once_a_minute_only()
    {
        var driver = new MapperDriver(targets: [MapperDriver.Tcp, MapperDriver.Udp]);
        driver.Status(MapperDriver.Outside);
        int calls = 0;
        while (driver.Now < TimeSpan.FromHours(1))
        {
            if (driver.Calls.Count == 0)
            {
                driver.Next();
            }
            else if (driver.Calls[0] is MapWanted)
            {
                driver.Map(address: ++calls % 2 == 0 ? MapperDriver.Outside : s_elsewhere);
            }
            else
            {
                driver.Status(MapperDriver.Outside);
            }
        }

        Assert.InRange(calls, 12, 125);
    }

    [Fact]
    public void An_address_that_is_not_told_any_more_is_lost()
    {
        MapperDriver driver = Mapped();
        for (int i = 1; i <= PortMapperLimits.FailuresUntilLost; i++)
        {
            Assert.DoesNotContain(driver.TakeFacts(), f => f is ExternalAddressChanged);
            Until<StatusWanted>(driver);
            driver.Fail(NatError.Timeout);
        }

        Assert.Contains(new ExternalAddressChanged(false, null), driver.TakeFacts());
        Until<StatusWanted>(driver);
        driver.Status(MapperDriver.Outside);
        Assert.Contains(new ExternalAddressChanged(false, MapperDriver.Outside), driver.TakeFacts());
        Assert.Empty(driver.Calls);
        Until<StatusWanted>(driver);
        driver.Status(IPAddress.Any);
        Assert.Contains(new ExternalAddressChanged(false, null), driver.TakeFacts());
    }

    [Theory]
    [InlineData(1000, 1060, false)]
    [InlineData(1000, 1005, true)]
    [InlineData(1000, 2, true)]
    [InlineData(1000, 900, true)]
    [InlineData(1000, 1125, false)] // a sixteenth and 2 s: 120 s of ours
    [InlineData(1000, 1140, true)]
    [InlineData(0, 0, true)]
    public void A_restarted_device_is_noticed_by_its_uptime(int before, int after, bool isRestarted)
    {
        MapperDriver driver = Mapped(uptime: TimeSpan.FromSeconds(before));
        TimeSpan passed = driver.Next();
        int expected = after == 1060 ? before + (int)passed.TotalSeconds : after;
        driver.Status(MapperDriver.Outside, TimeSpan.FromSeconds(expected));
        Assert.Equal(isRestarted, driver.TakeFacts().Contains(new GatewayRestarted(false)));
        Assert.Equal(isRestarted, driver.Calls.SingleOrDefault() is MapWanted);
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Absurd_uptimes_do_no_harm(long ticks)
    {
        MapperDriver driver = Mapped(uptime: TimeSpan.FromTicks(ticks));
        driver.Next();
        driver.Status(MapperDriver.Outside, TimeSpan.FromTicks(ticks));
        Assert.Equal(ticks > 0, driver.TakeFacts().Contains(new GatewayRestarted(false)));
    }

    [Fact]
    public void Failures_are_followed_by_ever_longer_waits_up_to_the_greatest_and_never_by_none()
    {
        MapperDriver driver = Started();
        List<TimeSpan> waits = [];
        for (int i = 0; i < 40; i++)
        {
            Until<MapWanted>(driver);
            driver.Fail(i % 2 == 0 ? NatError.NotFound : NatError.Refused);
            waits.AddRange(driver.TakeFacts().OfType<MapFailed>().Select(static f => f.RetryIn));
        }

        Assert.Equal(40, waits.Count);
        for (int i = 0; i < waits.Count; i++)
        {
            TimeSpan most = TimeSpan.FromTicks(Math.Min(PortMapperLimits.MaxRetry.Ticks, PortMapperLimits.FirstRetry.Ticks << Math.Min(i, 16)));
            Assert.InRange(waits[i], most / 2, most);
        }

        Assert.True(waits.Distinct().Count() > 30, "the waits have no jitter");
    }

    [Fact]
    public void What_the_device_cannot_do_is_asked_for_seldom()
    {
        MapperDriver driver = Started();
        driver.Fail(NatError.Unsupported);
        Assert.InRange(driver.TakeFacts().OfType<MapFailed>().Single().RetryIn, PortMapperLimits.MaxRetry / 2, PortMapperLimits.MaxRetry);
    }

    [Fact]
    public void After_a_change_of_the_network_everything_is_asked_anew_and_what_fails_is_believed_no_more()
    {
        MapperDriver driver = Mapped();
        driver.Do(() => driver.Mapper.HandleNetworkChange(driver.Now));
        driver.Fail(NatError.NotFound);
        Assert.Contains(new ExternalAddressChanged(false, null), driver.TakeFacts());
        driver.Fail(NatError.NotFound);
        Assert.Contains(driver.TakeFacts(), static f => f is PortLost);
        Assert.Empty(driver.Calls);
        driver.Do(() => driver.Mapper.HandleNetworkChange(driver.Now));
        driver.Status(s_elsewhere);
        driver.Map();
        Assert.Contains(new PortMapped(MapperDriver.Tcp, 30303, 0), driver.TakeFacts());
    }

    [Fact]
    public void An_answer_that_was_under_way_when_the_network_changed_is_asked_for_once_more()
    {
        var driver = new MapperDriver();
        driver.Do(() => driver.Mapper.HandleNetworkChange(driver.Now));
        driver.Status(MapperDriver.Outside);
        driver.Status(s_elsewhere);
        driver.Map();
        Assert.Empty(driver.Calls);
    }

    [Theory]
    [InlineData(0, 600)]
    [InlineData(65536, 600)]
    [InlineData(-1, 600)]
    [InlineData(30303, 0)]
    [InlineData(30303, -5)]
    public void What_no_device_can_have_granted_is_a_failure(int port, int seconds)
    {
        MapperDriver driver = Started();
        driver.Map(port, TimeSpan.FromSeconds(seconds));
        Assert.Equal(NatError.Malformed, Assert.IsType<MapFailed>(Assert.Single(driver.TakeFacts())).Error);
    }

    [Fact]
    public void A_call_without_an_answer_fails_and_its_late_answer_is_ignored()
    {
        var driver = new MapperDriver();
        StatusWanted call = driver.Call<StatusWanted>();
        Assert.Equal(PortMapperLimits.CallTimeout, driver.Next());
        Assert.Contains(new CallAbandoned(call.Id), driver.TakeFacts());
        driver.Do(() => driver.Mapper.HandleStatus(driver.Now, call.Id, MapperDriver.Outside, null));
        Assert.Empty(driver.TakeFacts());
        driver.Call<MapWanted>();
    }

    [Fact]
    public void Stop_removes_what_is_mapped_and_what_may_be()
    {
        var driver = new MapperDriver(targets: [MapperDriver.Tcp, MapperDriver.Udp]);
        driver.Status();
        driver.Map(40404);
        driver.Fail(NatError.Timeout);
        driver.Stop();
        Assert.Equal((MapperDriver.Tcp, 40404), (driver.Call<UnmapWanted>().Target, driver.Call<UnmapWanted>().ExternalPort));
        driver.Unmap();
        Assert.Equal((MapperDriver.Udp, 30303), (driver.Call<UnmapWanted>().Target, driver.Call<UnmapWanted>().ExternalPort));
        Assert.False(driver.Mapper.IsDone);
        driver.Unmap();
        Assert.True(driver.Mapper.IsDone);
        Assert.Null(driver.Mapper.NextTimeout);
        Assert.IsType<MapperDone>(driver.TakeFacts()[^1]);
    }

    [Fact]
    public void A_mapping_that_is_made_while_it_stops_is_removed()
    {
        MapperDriver driver = Started();
        MapWanted call = driver.Call<MapWanted>();
        driver.Stop();
        Assert.False(driver.Mapper.IsDone);
        driver.Do(() => driver.Mapper.HandleMapped(driver.Now, call.Id, 50000, null, TimeSpan.FromMinutes(1), null));
        Assert.DoesNotContain(driver.TakeFacts(), static f => f is PortMapped);
        Assert.Equal(50000, Assert.IsType<UnmapWanted>(driver.Calls[^1]).ExternalPort);
    }

    [Fact]
    public void A_removal_that_fails_is_tried_twice()
    {
        MapperDriver driver = Mapped();
        driver.Stop();
        driver.Fail(NatError.Timeout);
        driver.Call<UnmapWanted>();
        driver.Next();
        Assert.Contains(driver.TakeFacts(), static f => f is UnmapFailed);
        Assert.True(driver.Mapper.IsDone);
    }

    [Fact]
    public void A_method_that_cannot_map_is_only_asked_for_the_address()
    {
        var driver = new MapperDriver(canMap: false, targets: [MapperDriver.Tcp, new PortTarget(true, NatProtocol.Udp, 1)]);
        for (int i = 0; i < 20; i++)
        {
            Assert.All(driver.Calls.ToArray(), call =>
                driver.Answer(Assert.IsType<StatusWanted>(call), () => driver.Mapper.HandleStatus(driver.Now, call.Id, null, null)));
            driver.Next();
        }

        driver.Stop();
        driver.Next();
        Assert.True(driver.Mapper.IsDone);
    }

    /// <summary>The status is answered, the port not yet.</summary>
    private static MapperDriver Started()
    {
        var driver = new MapperDriver();
        driver.Status(MapperDriver.Outside);
        driver.TakeFacts();
        return driver;
    }

    private static MapperDriver Mapped(int? port = null, TimeSpan? lifetime = null, TimeSpan? uptime = null)
    {
        MapperDriver driver = Started();
        driver.Map(port, lifetime, uptime: uptime);
        driver.TakeFacts();
        return driver;
    }

    /// <summary>Lets time pass until the next call of a kind; status calls between are answered, or fail.</summary>
    private static void Until<T>(MapperDriver driver, NatError? failure = null)
        where T : NatCall
    {
        while (driver.Calls.Count == 0 || driver.Calls[0] is not T)
        {
            if (driver.Calls.Count == 0)
            {
                driver.Next();
            }
            else if (failure is { } error)
            {
                driver.Fail(error);
            }
            else if (driver.Calls[0] is StatusWanted)
            {
                driver.Status(MapperDriver.Outside);
            }
            else
            {
                driver.Map();
            }
        }
    }

    private static void Renewal(MapperDriver driver, TimeSpan at)
    {
        Until<MapWanted>(driver);
        Assert.Equal(at, driver.Now);
    }
}
