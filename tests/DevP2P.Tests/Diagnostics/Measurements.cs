using System.Diagnostics.Metrics;
using DevP2P.Diagnostics;

namespace DevP2P.Tests.Diagnostics;

/// <summary>Listens to one scope's meter.</summary>
internal sealed class Measurements : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Instrument> _published = [];
    private readonly List<(string Name, string Tags, double Value)> _recorded = [];
    private readonly HashSet<string> _completed = [];
    private Dictionary<(string Name, string Tags), long> _observed = [];

    public Measurements(MeterScope scope)
    {
        Meter meter = scope.Meter!;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == meter)
            {
                _published.Add(instrument.Name, instrument);
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.MeasurementsCompleted = (instrument, _) =>
        {
            lock (_gate)
            {
                _completed.Add(instrument.Name);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => _observed.Add((instrument.Name, Text(tags)), value));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
        {
            lock (_gate)
            {
                _recorded.Add((instrument.Name, Text(tags), value));
            }
        });
        _listener.Start();
    }

    /// <summary>Every instrument that was published, by name.</summary>
    public IReadOnlyDictionary<string, Instrument> Published => _published;

    /// <summary>The names of those that have gone.</summary>
    public IReadOnlyCollection<string> Completed
    {
        get
        {
            lock (_gate)
            {
                return [.. _completed];
            }
        }
    }

    /// <summary>What histograms were given, in order.</summary>
    public IReadOnlyList<(string Name, string Tags, double Value)> Recorded
    {
        get
        {
            lock (_gate)
            {
                return [.. _recorded];
            }
        }
    }

    /// <summary>All observable instruments, each with its tags as "key=value key=value".</summary>
    public Dictionary<(string Name, string Tags), long> Observe()
    {
        _observed = [];
        _listener.RecordObservableInstruments();
        return _observed;
    }

    public void Dispose() => _listener.Dispose();

    private static string Text(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        List<string> texts = [];
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            texts.Add($"{tag.Key}={tag.Value}");
        }

        return string.Join(' ', texts);
    }
}
