using System.Net;
using System.Net.Sockets;
using DevP2P.Dialing;
using DevP2P.Discovery.V4;
using DevP2P.NetUtil;
using Microsoft.Extensions.Logging;

namespace DevP2P;

/// <summary>
/// Finds out by SNTP whether our clock is wrong, and says so (T17): nodes of discovery v4 ignore packets that seem to be too old.
/// </summary>
/// <remarks>Go: <c>checkClockDrift</c>, which asks <c>pool.ntp.org</c>; here only a server that the operator has named is asked.</remarks>
internal sealed class ClockCheck
{
    /// <summary>So many answers make a check; the middle one counts, so that one that is far off does not matter.</summary>
    public const int Answers = 3;

    /// <summary>How many requests may be made for them.</summary>
    public const int MaxRequests = 5;

    /// <summary>Half of that is the greatest error of a measurement: little against <see cref="ClockDrift.Threshold"/>.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    /// <summary>The system may name many addresses; one of each family will do.</summary>
    private const int MaxAddresses = 2;

    private readonly string _server;
    private readonly string _host;
    private readonly int _port;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private long? _lastCheck;
    private TimeSpan? _offset;
    private bool _isDenied;

    /// <param name="server">Whom to ask, in the form of <see cref="Sntp.TryParseServer"/>.</param>
    /// <param name="time">The clock that is checked.</param>
    /// <param name="logger">The log.</param>
    public ClockCheck(string server, TimeProvider time, ILogger logger)
    {
        (_server, _time, _logger) = (server, time, logger);
        if (!Sntp.TryParseServer(server, out string? host, out _port))
        {
            throw new ArgumentException($"\"{server}\" is not a host with or without a port", nameof(server));
        }

        _host = host;
    }

    /// <summary>What our clock lacked (negative: had too much) at the last check that succeeded; null before one has.</summary>
    public TimeSpan? Offset
    {
        get
        {
            lock (_gate)
            {
                return _offset;
            }
        }
    }

    /// <summary>Whether it is time for a check: none was begun in the last <see cref="ClockDrift.Cooldown"/>. If so, one is now.</summary>
    public bool TryBegin()
    {
        lock (_gate)
        {
            if (_isDenied || (_lastCheck is { } last && _time.GetElapsedTime(last) < ClockDrift.Cooldown))
            {
                return false;
            }

            _lastCheck = _time.GetTimestamp();
            return true;
        }
    }

    /// <summary>Asks the server, and logs what is to be said.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            SntpAnswer answer = await MeasureAsync(cancellationToken).ConfigureAwait(false);
            if (answer.Error != SntpError.None)
            {
                Log.ClockNotChecked(_logger, _server, Describe(answer.Error));
                return;
            }

            lock (_gate)
            {
                _offset = answer.Offset;
            }

            if (answer.Offset.Duration() > ClockDrift.Threshold)
            {
                Log.ClockIsWrong(_logger, Describe(answer.Offset), _server);
            }
            else
            {
                Log.ClockIsRight(_logger, Describe(answer.Offset), _server);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
        catch (Exception e) when (e is SocketException or TimeoutException or ArgumentException)
        {
            Log.ClockNotChecked(_logger, _server, e.Message);
        }
    }

    /// <summary>"12.3 s behind".</summary>
    public static string Describe(TimeSpan offset) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{offset.Duration().TotalSeconds:F1} s {(offset < TimeSpan.Zero ? "ahead" : "behind")}");

    private async Task<SntpAnswer> MeasureAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<IPAddress> addresses = IPAddress.TryParse(_host, out IPAddress? literal)
            ? [literal]
            : await new HostNameResolver(_time).ResolveAsync(_host, cancellationToken).ConfigureAwait(false);
        var answer = new SntpAnswer(SntpError.NoAnswer);
        foreach (IPAddress address in addresses.Take(MaxAddresses))
        {
            answer = await MeasureAsync(new IPEndPoint(address, _port), cancellationToken).ConfigureAwait(false);
            if (answer.Error == SntpError.None)
            {
                break;
            }
        }

        return answer;
    }

    private async Task<SntpAnswer> MeasureAsync(IPEndPoint server, CancellationToken cancellationToken)
    {
        var measured = new List<SntpAnswer>(Answers);
        var answer = new SntpAnswer(SntpError.NoAnswer);
        for (int i = 0; i < MaxRequests && measured.Count < Answers; i++)
        {
            answer = await SntpClient.QueryAsync(server, Timeout, _time, cancellationToken).ConfigureAwait(false);
            switch (answer.Error)
            {
                case SntpError.None:
                    measured.Add(answer);
                    break;
                case SntpError.Denied:
                    lock (_gate)
                    {
                        _isDenied = true;
                    }

                    return answer;
                case SntpError.TooOften or SntpError.Unreachable:
                    return answer;
            }
        }

        if (measured.Count < Answers)
        {
            return answer.Error == SntpError.None ? new SntpAnswer(SntpError.NoAnswer) : answer;
        }

        return measured.OrderBy(static m => m.Offset).ElementAt(Answers / 2);
    }

    internal static string Describe(SntpError error) => error switch
    {
        SntpError.Unreachable => "it cannot be reached",
        SntpError.Implausible => "its times contradict one another",
        SntpError.Unsynchronized => "it does not know the time itself",
        SntpError.TooOften => "it is asked too often",
        SntpError.Denied => "it does not want to be asked, and will not be any more",
        _ => "it does not answer",
    };
}
