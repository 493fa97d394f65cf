using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;

namespace DevP2P.Discovery;

/// <summary>What is advertised, and who wants it. Safe for concurrent use, but for <see cref="Apply"/>, which is the loop's.</summary>
internal sealed class AdvertisedTopics
{
    private readonly Lock _gate = new();

    // For each topic as many as want it, and where those want to hear of its registrations; null if they do not.
    private readonly Dictionary<Topic, List<IProgress<Node>?>> _wanted = [];

    /// <summary>One more wants a topic to be advertised.</summary>
    /// <exception cref="InvalidOperationException">There are too many, or they are too long together.</exception>
    public void Add(Topic topic, IProgress<Node>? registrations)
    {
        lock (_gate)
        {
            if (_wanted.TryGetValue(topic, out List<IProgress<Node>?>? listeners))
            {
                listeners.Add(registrations);
                return;
            }

            if (_wanted.Count >= TopicLimits.MaxAdvertisedTopics)
            {
                throw new InvalidOperationException($"at most {TopicLimits.MaxAdvertisedTopics} topics can be advertised at the same time");
            }

            int bytes = _wanted.Keys.Sum(static other => other.Bytes.Length) + topic.Bytes.Length;
            if (bytes > TopicLimits.MaxAdvertisedBytes)
            {
                throw new InvalidOperationException($"all topics together may have {TopicLimits.MaxAdvertisedBytes} bytes, not {bytes}");
            }

            _wanted.Add(topic, [registrations]);
        }
    }

    /// <summary>One less does.</summary>
    public void Remove(Topic topic, IProgress<Node>? registrations)
    {
        lock (_gate)
        {
            List<IProgress<Node>?> listeners = _wanted[topic];
            listeners.Remove(registrations);
            if (listeners.Count == 0)
            {
                _wanted.Remove(topic);
            }
        }
    }

    /// <summary>A registration was sent.</summary>
    public void Report(Topic topic, Node registrar)
    {
        IProgress<Node>?[] listeners;
        lock (_gate)
        {
            listeners = [.. _wanted.GetValueOrDefault(topic) ?? []];
        }

        foreach (IProgress<Node>? listener in listeners)
        {
            listener?.Report(registrar);
        }
    }

    /// <summary>Makes the machine do what is wanted now of a topic. As the calls may come in another order, only the last one counts.</summary>
    public void Apply(Timestamp now, LegacyDiscovery machine, Topic topic)
    {
        lock (_gate)
        {
            // What is not wanted any more goes first, so that there is room.
            foreach (Topic other in machine.Advertiser.Topics.Where(other => !_wanted.ContainsKey(other)).ToArray())
            {
                machine.UnregisterTopic(now, other);
            }

            if (_wanted.ContainsKey(topic))
            {
                machine.TryRegisterTopic(now, topic);
            }
        }
    }
}
