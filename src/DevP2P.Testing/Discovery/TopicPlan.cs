using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>Who advertises what and who searches for what, and what comes of it.</summary>
internal sealed class TopicPlan
{
    /// <summary>How long after its start a node begins to advertise.</summary>
    public static readonly TimeSpan AdvertiseAfter = TimeSpan.FromSeconds(20);

    private readonly DiscoverySimulationOptions _options;
    private readonly SimulationRandom _random;
    private readonly Topic[] _topics;
    private readonly double[] _sums;
    private int _searches;

    public TopicPlan(DiscoverySimulationOptions options)
    {
        _options = options;
        _random = new SimulationRandom(options.Seed, -2);
        _topics = [.. Enumerable.Range(0, options.Topics).Select(i => Topic.FromText($"topic {i} of {options.Topics}"))];
        _sums = new double[options.Topics];
        double sum = 0;
        for (int i = 0; i < _sums.Length; i++)
        {
            _sums[i] = sum += 1.0 / (i + 1);
        }
    }

    /// <summary>When, after all have joined, a search starts.</summary>
    public static TimeSpan GetSearchStart(int number) => TimeSpan.FromSeconds(30 + (0.5 * number));

    /// <summary>The first node that does not advertise anything begins to: the most popular topic half as rarely as the second, and so on.</summary>
    public SimulatedNode? Advertise(Timestamp now, List<SimulatedNode> live)
    {
        if (live.Find(node => node is SimulatedLegacyNode { Advertised: null }) is not SimulatedLegacyNode node)
        {
            return null;
        }

        double place = _random.NextDouble() * _sums[^1];
        node.Advertise(now, _topics[Array.FindIndex(_sums, sum => place < sum)]);
        return node;
    }

    /// <summary>A random node begins to search: each topic in turn, the popular and the others.</summary>
    public SimulatedNode? Search(Timestamp now, List<SimulatedNode> live)
    {
        SimulatedLegacyNode[] idle = [.. live.OfType<SimulatedLegacyNode>().Where(node => node.Searched is null)];
        if (idle.Length == 0)
        {
            return null;
        }

        SimulatedLegacyNode node = idle[_random.Next(idle.Length)];
        node.Search(now, _topics[_searches++ % _topics.Length], _options.SearchPeriod);
        return node;
    }

    public static TopicSimulationReport GetReport(List<SimulatedNode> live)
    {
        SimulatedLegacyNode[] nodes = [.. live.Cast<SimulatedLegacyNode>()];
        ILookup<Topic, NodeId> advertisers = nodes.Where(node => node.Advertised is not null).ToLookup(node => node.Advertised!, node => node.Id);
        double[] found = [.. nodes
            .Where(node => node.Searched is not null)
            .Select(node => (node.Found, Wanted: advertisers[node.Searched!].Where(id => id != node.Id).ToArray()))
            .Where(search => search.Wanted.Length > 0)
            .Select(search => search.Wanted.Count(search.Found.Contains) / (double)search.Wanted.Length)];
        return new TopicSimulationReport
        {
            Advertisers = advertisers.Sum(group => group.Count()),
            MostAdvertisers = advertisers.Select(group => group.Count()).DefaultIfEmpty().Max(),
            FewestAdvertisers = advertisers.Select(group => group.Count()).DefaultIfEmpty().Min(),
            Searchers = found.Length,
            MeanFound = found.DefaultIfEmpty(double.NaN).Average(),
            WorstFound = found.DefaultIfEmpty(double.NaN).Min(),
            RegistrationsSent = nodes.Sum(node => node.RegistrationsSent),
            MeanEntries = nodes.Average(node => node.Entries),
            MostEntries = nodes.Max(node => node.Entries),
            MeanTickets = nodes.Average(node => node.Tickets),
            MostTickets = nodes.Max(node => node.Tickets),
        };
    }
}
