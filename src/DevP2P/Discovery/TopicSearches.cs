using System.Collections.Concurrent;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;

namespace DevP2P.Discovery;

/// <summary>The searches, one for each topic: which are wanted, for any thread, and which of them run, for the loop.</summary>
internal sealed class TopicSearches
{
    private readonly ConcurrentDictionary<Topic, TopicSearch> _wanted = [];
    private readonly Dictionary<Topic, TopicSearch> _running = [];

    /// <exception cref="InvalidOperationException">There are too many, or one for the topic.</exception>
    public void Add(TopicSearch search)
    {
        if (_wanted.Count >= TopicLimits.MaxSearches)
        {
            throw new InvalidOperationException($"at most {TopicLimits.MaxSearches} searches can run at the same time");
        }

        if (!_wanted.TryAdd(search.Name, search))
        {
            throw new InvalidOperationException($"\"{search.Topic}\" is being searched for");
        }
    }

    public bool Remove(TopicSearch search) => _wanted.TryRemove(new KeyValuePair<Topic, TopicSearch>(search.Name, search));

    /// <summary>In the loop: the search of a topic that the machine runs.</summary>
    public TopicSearch? Find(Topic topic) => _running.GetValueOrDefault(topic);

    /// <summary>In the loop: makes the machine run a search as it is wanted now, or end it.</summary>
    public void Apply(Timestamp now, LegacyDiscovery machine, TopicSearch search)
    {
        bool isWanted = _wanted.GetValueOrDefault(search.Name) == search;
        TopicSearch? running = Find(search.Name);
        if (running is not null && (isWanted ? running != search : running == search))
        {
            // A search that begins is told all nodes, whatever one before it was told.
            machine.StopSearch(now, search.Name);
            _running.Remove(search.Name);
        }

        if (isWanted && machine.TrySearchTopic(now, search.Name, search.Period))
        {
            _running[search.Name] = search;
        }
    }
}
