using System.Diagnostics.Metrics;

namespace DevP2P.Diagnostics;

/// <summary>
/// One meter for all servers of a process. Instruments of several meters with the same names are one to OpenTelemetry, and of values that are read
/// it keeps the last: so the sums are made here. What a server has counted stays in them when it stops; with the last server the meter
/// goes. Safe for concurrent use.
/// </summary>
internal sealed class MeterScope
{
    private readonly Lock _gate = new();
    private readonly List<Server> _servers = [];
    private readonly Dictionary<InstrumentInfo, Sums> _ended = [];
    private Meter? _meter;
    private Histogram<double>? _handshakes;

    /// <summary>The process's.</summary>
    public static MeterScope Shared { get; } = new();

    /// <summary>The meter, while a server runs.</summary>
    public Meter? Meter => Volatile.Read(ref _meter);

    /// <summary>A server has started.</summary>
    public void Add(Server server)
    {
        lock (_gate)
        {
            _servers.Add(server);
            if (_meter is null)
            {
                Create();
            }
        }
    }

    /// <summary>A server has stopped: nothing is counted there any more.</summary>
    public void Remove(Server server)
    {
        lock (_gate)
        {
            if (!_servers.Remove(server))
            {
                return;
            }

            if (_servers.Count == 0)
            {
                _ended.Clear();
                _handshakes = null;
                _meter!.Dispose();
                _meter = null;
                return;
            }

            foreach (InstrumentInfo counter in Instruments.All.Where(static i => i is { Kind: InstrumentKind.Counter, Read: not null }))
            {
                if (!_ended.TryGetValue(counter, out Sums? sums))
                {
                    _ended.Add(counter, sums = new Sums());
                }

                sums.Add(counter.Read!(server));
            }
        }
    }

    /// <summary>A connection has become a peer, or not.</summary>
    public void RecordHandshake(TimeSpan duration, bool isInbound, string outcome)
    {
        if (Volatile.Read(ref _handshakes) is { Enabled: true } handshakes)
        {
            handshakes.Record(
                duration.TotalSeconds, new(DevP2PDiagnostics.DirectionTag, Instruments.ToDirection(isInbound)), new(DevP2PDiagnostics.OutcomeTag, outcome));
        }
    }

    private void Create()
    {
        _meter = new Meter(DevP2PDiagnostics.MeterName, ServerOptions.ThisVersion);
        foreach (InstrumentInfo instrument in Instruments.All)
        {
            switch (instrument)
            {
                case { Kind: InstrumentKind.Histogram }:
                    _handshakes = _meter.CreateHistogram(
                        instrument.Name, instrument.Unit, instrument.Description, null,
                        new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] });
                    break;
                case { ReadProcess: { } read }:
                    _meter.CreateObservableUpDownCounter(instrument.Name, read, instrument.Unit, instrument.Description);
                    break;
                case { Kind: InstrumentKind.Counter }:
                    _meter.CreateObservableCounter(instrument.Name, () => Read(instrument), instrument.Unit, instrument.Description);
                    break;
                default:
                    _meter.CreateObservableUpDownCounter(instrument.Name, () => Read(instrument), instrument.Unit, instrument.Description);
                    break;
            }
        }
    }

    private List<Measurement<long>> Read(InstrumentInfo instrument)
    {
        lock (_gate)
        {
            Sums sums = _ended.TryGetValue(instrument, out Sums? ended) ? new Sums(ended) : new Sums();
            foreach (Server server in _servers)
            {
                sums.Add(instrument.Read!(server));
            }

            return sums.ToMeasurements(instrument.Tags);
        }
    }

    /// <summary>Sums by the values of tags.</summary>
    private sealed class Sums
    {
        private readonly Dictionary<string, Reading> _sums;

        public Sums() => _sums = [];

        public Sums(Sums other) => _sums = new(other._sums);

        public void Add(IEnumerable<Reading> readings)
        {
            foreach (Reading reading in readings)
            {
                string key = string.Join('\0', reading.Tags);
                _sums[key] = _sums.TryGetValue(key, out Reading sum) ? sum with { Value = sum.Value + reading.Value } : reading;
            }
        }

        public List<Measurement<long>> ToMeasurements(string[] keys) =>
            [.. _sums.Values.Select(r => new Measurement<long>(r.Value, keys.Zip(r.Tags, static (key, value) => new KeyValuePair<string, object?>(key, value))))];
    }
}
