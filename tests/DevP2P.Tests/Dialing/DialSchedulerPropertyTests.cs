using CsCheck;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Dialing.DialDriver;

namespace DevP2P.Tests.Dialing;

/// <summary>Random histories. What must hold at every dial is checked by <see cref="DialDriver"/>.</summary>
public sealed class DialSchedulerPropertyTests
{
    private const int Nodes = 24;

    /// <summary>Something that happens: what, to whom, and how many seconds pass afterwards.</summary>
    private static readonly Gen<(int What, int Number, int Seconds)[]> Histories =
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, Nodes - 1], Gen.Int[0, 20]).Array[0, 200];

    private static readonly Gen<(int MaxDialed, int MaxActive, int Sources)> Settings =
        Gen.Select(Gen.Int[1, 6], Gen.Int[1, 8], Gen.Int[1, 4]);

    [Fact]
    [Trait("Threat", "T02")]
    [Trait("Threat", "T03")]
    public void No_history_breaks_a_limit() =>
        Gen.Select(Settings, Histories, Gen.Int).Sample((settings, history, seed) => Play(settings, history, seed), iter: 150);

    [Fact]
    public void The_same_seed_and_history_give_the_same_dials() =>
        Gen.Select(Settings, Histories, Gen.Int).Sample(
            (settings, history, seed) => Play(settings, history, seed).Dials.SequenceEqual(Play(settings, history, seed).Dials), iter: 50);

    [Fact]
    public void A_static_node_is_dialed_again_whatever_happened_before() =>
        Gen.Select(Settings, Histories, Gen.Int).Sample(
            (settings, history, seed) =>
            {
                DialDriver d = Play(settings, history, seed);
                d.AddStatic(NodeOf(0));
                EndEverything(d);
                for (int i = 0; i < 2; i++)
                {
                    int before = d.Dials.Count(x => x.Request.Node.Id == Id(0));
                    for (TimeSpan t = TimeSpan.Zero; t <= DialLimits.MaxStaticBackOff; t += TcpDialer.Timeout)
                    {
                        d.Advance(TcpDialer.Timeout);
                        EndEverything(d);
                    }

                    Assert.True(d.Dials.Count(x => x.Request.Node.Id == Id(0)) > before, "not dialed for ten minutes");
                }
            },
            iter: 50);

    private static DialDriver Play((int MaxDialed, int MaxActive, int Sources) settings, (int What, int Number, int Seconds)[] history, int seed)
    {
        var d = new DialDriver(settings.MaxDialed, settings.MaxActive, seed: seed);
        int[] sources = [.. Enumerable.Range(0, settings.Sources).Select(_ => d.AddSource())];
        foreach ((int what, int number, int seconds) in history)
        {
            Happen(d, sources, what, number);
            d.AdvanceSeconds(seconds);
        }

        return d;
    }

    private static void Happen(DialDriver d, int[] sources, int what, int number)
    {
        NodeId id = Id(number);
        switch (what)
        {
            case 0:
                d.AddStatic(NodeOf(number));
                break;
            case 1:
                d.Scheduler.RemoveStatic(d.Now, id, holdDown: number % 2 == 0);
                break;
            case 2 when d.Inbound.Contains(id):
                d.EndInbound(number);
                break;
            case 2:
                d.BeginInbound(number);
                break;
            case 3 when !d.Peers.ContainsKey(id):
                d.Connect(number, isDialed: false);
                break;
            case 4 or 3 when d.Peers.ContainsKey(id):
                d.Drop(number);
                break;
            case 5 when d.Active.ContainsKey(id):
                d.Fail(number);
                break;
            case 6 or 5 when d.Active.ContainsKey(id) && !d.Peers.ContainsKey(id):
                d.Succeed(number);
                break;
            case 7 when d.Active.Count > 0:
                d.Fail(d.Active.Keys.First());
                break;
            default:
                int chosen = sources[number % sources.Length];
                d.Discover(chosen, NodeOf(number), NodeOf((number + chosen) % Nodes), NodeOf(1000 + d.Dials.Count));

                break;
        }
    }

    private static void EndEverything(DialDriver d)
    {
        foreach (int number in Enumerable.Range(0, Nodes))
        {
            if (d.Inbound.Contains(Id(number)))
            {
                d.EndInbound(number);
            }

            if (d.Peers.ContainsKey(Id(number)))
            {
                d.Drop(number);
            }
        }

        while (d.Active.Count > 0)
        {
            d.Fail(d.Active.Keys.First());
        }
    }
}
