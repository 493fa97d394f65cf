using DevP2P.Rlpx;

namespace DevP2P;

/// <summary>
/// The traffic of all connections of a server. Connections count for themselves; here their numbers are added up when somebody asks, and
/// kept when a connection ends. Both under one lock, so that every connection is in a sum exactly once. Safe for concurrent use.
/// </summary>
/// <param name="protocols">Those that are there from the start, so that nobody mistakes silence for absence.</param>
internal sealed class TrafficTotals(IEnumerable<string> protocols)
{
    private readonly Lock _gate = new();
    private readonly HashSet<ConnectionTraffic> _live = [];
    private readonly SortedDictionary<string, ProtocolTraffic> _ended = new(
        protocols.Append(ConnectionTraffic.BaseProtocolName).Distinct().ToDictionary(static name => name, static name => new ProtocolTraffic { Protocol = name }),
        StringComparer.Ordinal);

    public void Add(ConnectionTraffic connection)
    {
        lock (_gate)
        {
            _live.Add(connection);
        }
    }

    /// <summary>A connection has ended: nothing is counted there any more.</summary>
    public void Fold(ConnectionTraffic connection)
    {
        lock (_gate)
        {
            if (_live.Remove(connection))
            {
                AddUp(_ended, connection);
            }
        }
    }

    public IReadOnlyList<ProtocolTraffic> Snapshot()
    {
        lock (_gate)
        {
            var totals = new SortedDictionary<string, ProtocolTraffic>(_ended, StringComparer.Ordinal);
            foreach (ConnectionTraffic connection in _live)
            {
                AddUp(totals, connection);
            }

            return [.. totals.Values];
        }
    }

    private static void AddUp(SortedDictionary<string, ProtocolTraffic> totals, ConnectionTraffic connection)
    {
        foreach ((string protocol, TrafficNumbers received, TrafficNumbers sent) in connection.Read())
        {
            ProtocolTraffic total = totals[protocol];
            totals[protocol] = total with
            {
                MessagesIn = total.MessagesIn + received.Messages,
                MessagesOut = total.MessagesOut + sent.Messages,
                BytesIn = total.BytesIn + received.Bytes,
                BytesOut = total.BytesOut + sent.Bytes,
                WireBytesIn = total.WireBytesIn + received.WireBytes,
                WireBytesOut = total.WireBytesOut + sent.WireBytes,
            };
        }
    }
}
