using System.Net;

namespace DevP2P.Nat;

/// <summary>Something that is asked of a device again and again. The status, if it is no <see cref="MappingJob"/>.</summary>
internal class MapperJob
{
    /// <summary>When it is to be done next.</summary>
    public TimeSpan Due { get; set; }

    /// <summary>In a row.</summary>
    public int Failures { get; set; }

    /// <summary>Whether the network has changed since the last answer: what is known is not to be relied upon.</summary>
    public bool IsStale { get; set; }

    /// <summary>Whether the network has changed while the call was under way: its answer may be the old network's.</summary>
    public bool IsWantedAgain { get; set; }
}

/// <summary>One port that is mapped.</summary>
internal sealed class MappingJob(PortTarget target) : MapperJob
{
    private readonly List<int> _tried = [];

    /// <summary>Ports that may be mapped, as nobody knows what became of a call, and until when: they are removed at the end.</summary>
    private readonly List<(int Port, TimeSpan Until)> _doubtful = [];

    public PortTarget Target => target;

    /// <summary>The external port, or 0 while there is no mapping.</summary>
    public int ExternalPort { get; set; }

    /// <summary>Until when the mapping lives.</summary>
    public TimeSpan Expires { get; set; }

    /// <summary>What is asked for next, and first in a round.</summary>
    public int WantedPort { get; set; } = target.InternalPort;

    /// <summary>How often the removal was tried.</summary>
    public int UnmapAttempts { get; set; }

    /// <summary>Ports that were taken, in this round.</summary>
    public IReadOnlyList<int> Tried => _tried;

    /// <summary>A port that is to be removed, or 0.</summary>
    public int PortToUnmap => ExternalPort != 0 ? ExternalPort : _doubtful.Count > 0 ? _doubtful[0].Port : 0;

    public void AddTried(int port) => _tried.Add(port);

    public void EndRound() => _tried.Clear();

    public void HasUnmapped()
    {
        UnmapAttempts = 0;
        RemoveDoubt(PortToUnmap);
        ExternalPort = 0;
    }

    public void AddDoubt(int port, TimeSpan until)
    {
        // A renewal whose answer was lost may have made it live longer than we knew.
        TimeSpan before = _doubtful.Where(d => d.Port == port).Select(static d => d.Until).FirstOrDefault();
        until = until > before ? until : before;
        RemoveDoubt(port);
        if (_doubtful.Count == PortMapperLimits.MaxDoubtfulPorts)
        {
            _doubtful.RemoveAt(0);
        }

        _doubtful.Add((port, until));
    }

    public void RemoveDoubt(int port) => _doubtful.RemoveAll(d => d.Port == port);

    /// <summary>What has ended by itself may be somebody else's now.</summary>
    public void ExpireDoubts(TimeSpan now) => _doubtful.RemoveAll(d => now >= d.Until);
}

/// <summary>What one address family has: the two may have different devices.</summary>
internal sealed class MapperFamily(bool isIPv6, IEnumerable<MappingJob> mappings)
{
    /// <summary>The device's uptime, and when it said it.</summary>
    private (TimeSpan Uptime, TimeSpan At)? _uptime;

    public bool IsIPv6 => isIPv6;

    public MapperJob Status { get; } = new();

    public IReadOnlyList<MappingJob> Mappings { get; } = [.. mappings];

    /// <summary>The status first: a device that is not there is found out by the cheapest question.</summary>
    public IEnumerable<MapperJob> Jobs => Mappings.Prepend(Status);

    public NatCall? Call { get; set; }

    public MapperJob? CallJob { get; set; }

    /// <summary>When the call has failed.</summary>
    public TimeSpan CallDeadline { get; set; }

    public IPAddress? Address { get; set; }

    /// <summary>The last address that was known, even if it is not known any more.</summary>
    public IPAddress? LastAddress { get; set; }

    /// <summary>When everything was, or is going to be, mapped again.</summary>
    public TimeSpan? LastRemap { get; set; }

    /// <summary>Another device may be ours now: its uptime says nothing about the old one's.</summary>
    public void ForgetUptime() => _uptime = null;

    /// <summary>
    /// Takes a device's word on its uptime. RFC 6887, section 8.5: its clock and ours must have gone on alike, but for 2 s and a
    /// sixteenth; it may have gone back by a second, as answers can overtake one another. If ours stood still (the host slept) that is
    /// noticed, too, and just as well.
    /// </summary>
    /// <returns>Whether it has lost its mappings.</returns>
    public bool HasRestarted(TimeSpan now, TimeSpan? uptime)
    {
        if (uptime is not { } told || told < TimeSpan.Zero)
        {
            return false;
        }

        told = told < PortMapperLimits.MaxUptime ? told : PortMapperLimits.MaxUptime;
        (TimeSpan Uptime, TimeSpan At)? last = _uptime;
        _uptime = (told, now);
        if (last is not { } before)
        {
            return false;
        }

        TimeSpan ours = now - before.At;
        TimeSpan theirs = told - before.Uptime;
        return theirs < -PortMapperLimits.UptimeStepBack
            || ours + PortMapperLimits.UptimeTolerance < theirs - (theirs / 16)
            || theirs + PortMapperLimits.UptimeTolerance < ours - (ours / 16);
    }
}
