using DevP2P.Nat;
using Xunit;

namespace DevP2P.Tests.Nat;

/// <summary>Whatever a device does, in whatever order.</summary>
public sealed class PortMapperPropertyTests
{
    private const int Seeds = 300;
    private const int Steps = 250;

    [Fact]
    public void No_history_breaks_a_limit_and_all_is_removed_at_the_end()
    {
        int mappings = 0, lost = 0, restarts = 0, doubts = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            var random = new Random(seed);
            PortTarget[] targets =
            [
                MapperDriver.Tcp, MapperDriver.Udp, new(false, NatProtocol.Udp, 30304), new(true, NatProtocol.Tcp, 30303), new(true, NatProtocol.Udp, 30303),
            ];
            var driver = new MapperDriver(seed, true, targets[..random.Next(1, targets.Length + 1)]);
            var device = new Dictionary<(PortTarget, int), TimeSpan>();
            for (int step = 0; step < Steps; step++)
            {
                Check(driver, seed);
                if (driver.Calls.Count > 0 && random.Next(10) != 0)
                {
                    NatCall call = driver.Calls[random.Next(driver.Calls.Count)];
                    doubts += Answer(driver, device, call, random) ? 1 : 0;
                }
                else if (random.Next(20) == 0)
                {
                    driver.Do(() => driver.Mapper.HandleNetworkChange(driver.Now));
                }
                else
                {
                    driver.Next();
                }

                IReadOnlyList<PortMapperOutput> facts = driver.TakeFacts();
                mappings += facts.Count(static f => f is PortMapped);
                lost += facts.Count(static f => f is PortLost);
                restarts += facts.Count(static f => f is GatewayRestarted);
            }

            End(driver, device, seed);
        }

        // Or the random device would not try what it should.
        Assert.True(mappings > 3000 && lost > 300 && restarts > 300 && doubts > 300, $"{mappings} {lost} {restarts} {doubts}");
    }

    private static void Check(MapperDriver driver, int seed)
    {
        Assert.True(driver.Calls.GroupBy(static c => c.IsIPv6).All(static g => g.Count() <= PortMapperLimits.MaxCallsPerFamily), $"seed {seed}: too many calls");
        Assert.True(driver.Mapper.NextTimeout > driver.Now, $"seed {seed}: no timeout");
        Assert.True(
            driver.Mapper.NextTimeout - driver.Now <= PortMapperLimits.MaxRetry, $"seed {seed}: it sleeps for {driver.Mapper.NextTimeout - driver.Now}");
    }

    private static void End(MapperDriver driver, Dictionary<(PortTarget, int), TimeSpan> device, int seed)
    {
        driver.Stop();
        TimeSpan stopped = driver.Now;
        int calls = 0;
        while (!driver.Mapper.IsDone)
        {
            foreach (UnmapWanted unmap in driver.Calls.OfType<UnmapWanted>().ToArray())
            {
                Assert.True(calls++ < 100, $"seed {seed}: removes without end");
                device.Remove((unmap.Target, unmap.ExternalPort));
                driver.Answer(unmap, () => driver.Mapper.HandleUnmapped(driver.Now, unmap.Id));
            }

            if (!driver.Mapper.IsDone && !driver.Calls.Any(static c => c is UnmapWanted))
            {
                driver.Next();
            }
        }

        Assert.DoesNotContain(driver.Calls, static c => c is not UnmapWanted);
        Assert.True(driver.Now - stopped <= 2 * PortMapperLimits.StopCallTimeout, $"seed {seed}: the stop took {driver.Now - stopped}");
        Assert.True(
            device.All(m => m.Value <= driver.Now), $"seed {seed}: left {string.Join(", ", device.Where(m => m.Value > driver.Now).Select(static m => m.Key))}");
        Assert.Null(driver.Mapper.NextTimeout);
        driver.Do(() => driver.Mapper.HandleNetworkChange(driver.Now));
        driver.Do(() => driver.Mapper.HandleTimeout(driver.Now + TimeSpan.FromDays(1)));
        Assert.Empty(driver.Calls);
    }

    /// <returns>Whether the device did what it was asked for, and the answer was lost.</returns>
    private static bool Answer(MapperDriver driver, Dictionary<(PortTarget, int), TimeSpan> device, NatCall call, Random random)
    {
        TimeSpan uptime = random.Next(30) == 0 ? TimeSpan.FromSeconds(random.Next(5)) : TimeSpan.FromDays(1) + driver.Now;
        NatError error = (NatError)random.Next(6);
        bool fails = random.Next(3) == 0;
        if (call is not MapWanted map)
        {
            driver.Answer(call, () =>
            {
                if (fails)
                {
                    driver.Mapper.HandleFailure(driver.Now, call.Id, error, "no");
                }
                else
                {
                    driver.Mapper.HandleStatus(driver.Now, call.Id, random.Next(10) == 0 ? null : MapperDriver.Outside, uptime);
                }
            });
            return false;
        }

        TimeSpan lifetime = TimeSpan.FromSeconds(random.Next(1, 600));
        bool isLost = fails && error is NatError.Timeout or NatError.Malformed && random.Next(2) == 0;
        int granted = random.Next(8) == 0 ? random.Next(1024, 65536) : map.ExternalPort;
        if (error == NatError.Conflict && fails)
        {
            device.Remove((map.Target, map.ExternalPort));
        }

        if (!fails || isLost)
        {
            device[(map.Target, isLost ? map.ExternalPort : granted)] = driver.Now + lifetime;
        }

        driver.Answer(call, () =>
        {
            if (fails)
            {
                driver.Mapper.HandleFailure(driver.Now, call.Id, error, "no");
            }
            else
            {
                driver.Mapper.HandleMapped(driver.Now, call.Id, granted, random.Next(2) == 0 ? null : MapperDriver.Outside, lifetime, uptime);
            }
        });
        return isLost;
    }
}
