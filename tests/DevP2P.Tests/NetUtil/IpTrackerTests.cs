using System.Net;
using CsCheck;
using DevP2P.NetUtil;
using Xunit;

namespace DevP2P.Tests.NetUtil;

/// <summary>The vote over the external end point; the sequences are those of go-ethereum's p2p/netutil/iptrack_test.go.</summary>
public class IpTrackerTests
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("minimum", "? 0 none; s 0 1 8000; ? 1000 none; s 1000 2 8000; ? 1000 none; s 1000 3 8000; ? 1000 8000")]
    [InlineData("window", "s 0 1 8000; s 2000 2 8000; s 3000 3 8000; ? 10000 8000; ? 10001 none; s 10100 1 8000; ? 10200 8000")]
    [InlineData("full cone", "c 0 1; s 10 1 8000; c 2000 2; s 2010 2 8000; c 3000 3; s 3010 3 8000; f 3500 false")]
    [InlineData("full cone 2", "c 0 1; s 10 1 8000; c 2000 2; s 2010 2 8000; s 3000 3 8000; c 3010 3; f 3500 true")]
    // not in that table
    [InlineData("one vote a host", "s 0 1 8000; s 0 1 8000; s 0 1 8000; ? 0 none")]
    [InlineData("a changed mind", "s 0 1 8000; s 0 2 8000; s 0 3 8000; ? 0 8000; s 1 1 9000; ? 1 none; s 2 2 9000; s 2 3 9000; ? 2 9000")]
    [InlineData("a tie", "s 0 1 9000; s 0 2 9000; s 0 3 9000; ? 0 9000; s 0 4 8000; s 0 5 8000; s 0 6 8000; ? 0 9000; s 0 7 8000; ? 0 8000; s 0 8 9000; ? 0 8000")]
    [InlineData("the contact is forgotten", "c 0 1; s 5000 1 8000; f 10000 false; f 10001 true")]
    public void Sequences(string name, string events)
    {
        Assert.NotEmpty(name);
        var tracker = new IpTracker(Window, Window, 3);
        foreach (string step in events.Split("; "))
        {
            string[] parts = step.Split(' ');
            TimeSpan now = TimeSpan.FromMilliseconds(int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));
            switch (parts[0])
            {
                case "s":
                    tracker.AddStatement(now, Host(parts[2]), EndPoint(parts[3]));
                    break;
                case "c":
                    tracker.AddContact(now, Host(parts[2]));
                    break;
                case "?":
                    Assert.Equal(parts[2] == "none" ? null : EndPoint(parts[2]), tracker.PredictEndPoint(now));
                    break;
                default:
                    Assert.Equal(bool.Parse(parts[2]), tracker.PredictFullConeNat(now));
                    break;
            }
        }

        static IPAddress Host(string number) => IPAddress.Parse("127.0.0.1" + number);
        static IPEndPoint EndPoint(string port) => IPEndPoint.Parse("127.0.0.1:" + port);
    }

    [Fact]
    public void The_old_is_forgotten_even_when_nobody_asks()
    {
        var tracker = new IpTracker(Window, Window, 3);
        TimeSpan rate = TimeSpan.FromMilliseconds(50);
        int most = (int)(Window / rate * (1 + (1.0 / IpTracker.ExpirationsPerWindow))) + 1;
        for (int i = 0; i < 5 * most; i++)
        {
            tracker.AddStatement(rate * i, Host(i), new IPEndPoint(Host(i), 9000));
            tracker.AddContact(rate * i, Host(i));
        }

        Assert.InRange(tracker.StatementCount, 1, most);
        Assert.InRange(tracker.ContactCount, 1, most);
    }

    [Fact]
    public void Memory_is_bounded_and_the_oldest_make_room()
    {
        var tracker = new IpTracker(Window, Window, 3);
        for (int i = 0; i < 3 * IpTracker.MaxHosts; i++)
        {
            tracker.AddStatement(TimeSpan.FromTicks(i), Host(i), IPEndPoint.Parse(i < IpTracker.MaxHosts ? "99.1.1.1:1" : "99.1.1.2:2"));
            tracker.AddContact(TimeSpan.FromTicks(i), Host(i));
        }

        Assert.Equal((IpTracker.MaxHosts, IpTracker.MaxHosts), (tracker.StatementCount, tracker.ContactCount));
        Assert.Equal(IPEndPoint.Parse("99.1.1.2:2"), tracker.PredictEndPoint(TimeSpan.FromTicks(3 * IpTracker.MaxHosts)));
        Assert.False(tracker.PredictFullConeNat(TimeSpan.Zero));
    }

    [Fact]
    public void Ipv6_end_points_come_back_as_they_are_and_ipv4_in_ipv6_as_ipv4()
    {
        var tracker = new IpTracker(Window, Window, 1);
        tracker.AddStatement(TimeSpan.Zero, Host(1), IPEndPoint.Parse("[2a00::1]:65535"));
        Assert.Equal(IPEndPoint.Parse("[2a00::1]:65535"), tracker.PredictEndPoint(TimeSpan.Zero));
        tracker.AddStatement(TimeSpan.Zero, Host(1).MapToIPv6(), IPEndPoint.Parse("[::ffff:1.2.3.4]:1"));
        Assert.Equal(1, tracker.StatementCount);
        Assert.Equal(IPEndPoint.Parse("1.2.3.4:1"), tracker.PredictEndPoint(TimeSpan.Zero));
    }

    /// <summary>Against a count of all that was said, anew each time.</summary>
    [Fact]
    public void The_vote_is_that_of_a_plain_count()
    {
        Gen<(int Host, int Port, int Wait)> steps = Gen.Select(Gen.Int[0, 9], Gen.Int[1, 3], Gen.Int[0, 4000]);
        steps.Array[0, 60].Sample(events =>
        {
            var tracker = new IpTracker(Window, Window, 2);
            var said = new Dictionary<int, (int Port, TimeSpan Time)>();
            TimeSpan now = TimeSpan.Zero;
            foreach ((int host, int port, int wait) in events)
            {
                now += TimeSpan.FromMilliseconds(wait);
                tracker.AddStatement(now, Host(host), new IPEndPoint(IPAddress.Loopback, port));
                said[host] = (port, now);
                int[] counts = [.. Enumerable.Range(0, 4).Select(which => said.Values.Count(s => s.Port == which && now - s.Time <= Window))];
                IPEndPoint? predicted = tracker.PredictEndPoint(now);
                Assert.Equal(counts.Max() >= 2, predicted is not null);
                Assert.True(predicted is null || counts[predicted.Port] == counts.Max());
                Assert.Equal(counts.Sum(), tracker.StatementCount);
            }
        });
    }

    private static IPAddress Host(int number) => new([10, 0, (byte)(number >> 8), (byte)number]);
}
