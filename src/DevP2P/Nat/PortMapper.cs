using System.Net;
using DevP2P.Crypto;

namespace DevP2P.Nat;

/// <summary>
/// Keeps ports mapped on the devices between this host and the internet, whatever method speaks to them: asks, renews, takes
/// another external port when one is taken, notices a new address and a restarted device, tries again after failures for ever,
/// and removes everything at the end. Calls are outputs; answers and failures are inputs with the call's id.
/// </summary>
/// <remarks>
/// Go: <c>Server.portMappingLoop</c>, which asks for one port only, does not notice restarts, and does not map IPv6. No two calls
/// of one address family are under way at a time. Not safe for concurrent use.
/// </remarks>
internal sealed class PortMapper
{
    private readonly RandomSource _random;
    private readonly TimeSpan _lifetime;
    private readonly MapperFamily[] _families;
    private readonly Queue<PortMapperOutput> _outputs = new();
    private long _lastCallId;
    private bool _isStopping;

    /// <summary>Makes it; the first calls are handed out at once.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="targets">What is to be mapped.</param>
    /// <param name="canMap">If not, only the external address is asked for, of the targets' address families.</param>
    /// <param name="random">Draws ports and waiting times.</param>
    /// <param name="lifetime">The lifetime that is asked for.</param>
    public PortMapper(TimeSpan now, IEnumerable<PortTarget> targets, bool canMap, RandomSource random, TimeSpan lifetime)
    {
        (_random, _lifetime) = (random, lifetime);
        _families = [.. targets.Distinct().GroupBy(static t => t.IsIPv6)
            .Select(g => new MapperFamily(g.Key, canMap ? g.Select(static t => new MappingJob(t)) : []))];
        foreach (MapperJob job in _families.SelectMany(static f => f.Jobs))
        {
            job.Due = now;
        }

        StartCalls(now);
    }

    /// <summary>Whether all is removed and nothing will come any more.</summary>
    public bool IsDone { get; private set; }

    /// <summary>When <see cref="HandleTimeout"/> is due; null at the end only.</summary>
    public TimeSpan? NextTimeout => IsDone ? null : _families.Min(GetNextTimeout);

    /// <summary>How many calls wait for their answer.</summary>
    public int CallCount => _families.Count(static f => f.Call is not null);

    /// <summary>Takes the next output.</summary>
    public bool TryDequeue([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PortMapperOutput? output) => _outputs.TryDequeue(out output);

    /// <summary>Lets time pass.</summary>
    public void HandleTimeout(TimeSpan now)
    {
        foreach (MapperFamily family in _families)
        {
            if (family.Call is { } call && now >= family.CallDeadline)
            {
                Put(new CallAbandoned(call.Id));
                HandleFailure(now, call.Id, NatError.Timeout, "the call did not end in time");
            }

            foreach (MappingJob mapping in family.Mappings)
            {
                if (mapping.ExternalPort != 0 && now >= mapping.Expires && !_isStopping)
                {
                    Lose(mapping, "its lifetime has ended, and it could not be renewed");
                }
            }
        }

        StartCalls(now);
    }

    /// <summary>The network is another one, or may be: everything is asked for anew, and what fails now is not believed any more.</summary>
    public void HandleNetworkChange(TimeSpan now)
    {
        if (_isStopping)
        {
            return;
        }

        foreach (MapperFamily family in _families)
        {
            family.ForgetUptime();
            foreach (MapperJob job in family.Jobs)
            {
                (job.Due, job.Failures, job.IsStale) = (now, 0, true);
                job.IsWantedAgain = family.CallJob == job;
            }
        }

        StartCalls(now);
    }

    /// <summary>Removes all mappings; then <see cref="MapperDone"/> comes.</summary>
    public void Stop(TimeSpan now)
    {
        if (_isStopping)
        {
            return;
        }

        _isStopping = true;
        foreach (MapperFamily family in _families)
        {
            if (family.Call is { } call)
            {
                // Its answer is still of interest: a mapping that was made must be removed.
                Put(new CallAbandoned(call.Id));
                family.CallDeadline = Min(family.CallDeadline, now + PortMapperLimits.StopCallTimeout);
            }

            foreach (MappingJob mapping in family.Mappings)
            {
                mapping.ExpireDoubts(now);
            }
        }

        StartCalls(now);
    }

    /// <summary>The answer to <see cref="StatusWanted"/>.</summary>
    public void HandleStatus(TimeSpan now, long callId, IPAddress? address, TimeSpan? uptime)
    {
        if (EndCall(callId) is not ({ } family, StatusWanted, { } job))
        {
            return;
        }

        (job.Failures, job.IsStale) = (0, job.IsWantedAgain);
        job.Due = job.IsWantedAgain ? now : now + PortMapperLimits.StatusInterval;
        TakeAddress(now, family, address, answered: null);
        TakeUptime(now, family, uptime, answered: null);
        StartCalls(now);
    }

    /// <summary>The answer to <see cref="MapWanted"/>.</summary>
    public void HandleMapped(TimeSpan now, long callId, int externalPort, IPAddress? address, TimeSpan lifetime, TimeSpan? uptime)
    {
        if (externalPort is < 1 or > IPEndPoint.MaxPort || lifetime <= TimeSpan.Zero)
        {
            HandleFailure(now, callId, NatError.Malformed, $"the device granted port {externalPort} for {lifetime.TotalSeconds:F0} s");
            return;
        }

        if (EndCall(callId) is not ({ } family, MapWanted, MappingJob mapping))
        {
            return;
        }

        TimeSpan renewal = Clamp(lifetime / 2, PortMapperLimits.MinRenewal, PortMapperLimits.MaxRenewal);
        int before = mapping.ExternalPort;
        if (before != 0 && before != externalPort && !mapping.Tried.Contains(before))
        {
            mapping.AddDoubt(before, mapping.Expires);
        }

        (mapping.ExternalPort, mapping.WantedPort) = (externalPort, externalPort);
        (mapping.Failures, mapping.IsStale) = (0, mapping.IsWantedAgain);
        mapping.RemoveDoubt(externalPort);
        mapping.Due = mapping.IsWantedAgain ? now : now + renewal;
        mapping.Expires = now + Clamp(lifetime, renewal + PortMapperLimits.MinRenewal, PortMapperLimits.MaxUptime);
        mapping.EndRound();
        if (before != externalPort && !_isStopping)
        {
            Put(new PortMapped(mapping.Target, externalPort, before));
        }

        if (address is not null)
        {
            TakeAddress(now, family, address, mapping);
        }

        TakeUptime(now, family, uptime, mapping);
        StartCalls(now);
    }

    /// <summary>The answer to <see cref="UnmapWanted"/>.</summary>
    public void HandleUnmapped(TimeSpan now, long callId)
    {
        if (EndCall(callId) is (_, UnmapWanted, MappingJob mapping))
        {
            mapping.HasUnmapped();
            StartCalls(now);
        }
    }

    /// <summary>A call has failed.</summary>
    public void HandleFailure(TimeSpan now, long callId, NatError error, string reason)
    {
        switch (EndCall(callId))
        {
            case ({ } family, StatusWanted, { } job):
                HandleStatusFailure(now, family, job, error, reason);
                break;
            case ({ } family, MapWanted call, MappingJob mapping):
                HandleMapFailure(now, family, mapping, call.ExternalPort, error, reason);
                break;
            case (_, UnmapWanted call, MappingJob mapping):
                if (++mapping.UnmapAttempts >= PortMapperLimits.UnmapAttempts)
                {
                    Put(new UnmapFailed(mapping.Target, call.ExternalPort, reason));
                    mapping.HasUnmapped();
                }

                break;
        }

        StartCalls(now);
    }

    private void HandleStatusFailure(TimeSpan now, MapperFamily family, MapperJob job, NatError error, string reason)
    {
        if (_isStopping)
        {
            return;
        }

        TimeSpan delay = AddFailure(job, error);
        job.Due = job.IsWantedAgain ? now : now + delay;
        Put(new StatusFailed(family.IsIPv6, error, reason, job.Due - now));
        if (job.IsStale || job.Failures >= PortMapperLimits.FailuresUntilLost)
        {
            SetAddress(family, null);
        }
    }

    private void HandleMapFailure(TimeSpan now, MapperFamily family, MappingJob mapping, int port, NatError error, string reason)
    {
        // Nobody knows whether it was made: it is removed at the end, or becomes ours by the next call.
        if (error is NatError.Timeout or NatError.Malformed)
        {
            mapping.AddDoubt(port, now + _lifetime);
        }

        if (error == NatError.Conflict)
        {
            mapping.RemoveDoubt(port);
            mapping.AddTried(port);
        }

        if (_isStopping)
        {
            // A port that is somebody else's now is not ours to remove.
            mapping.ExternalPort = mapping.Tried.Contains(mapping.ExternalPort) ? 0 : mapping.ExternalPort;
            return;
        }

        if (error == NatError.Conflict && mapping.Tried.Count < PortMapperLimits.MaxPortsPerRound)
        {
            mapping.WantedPort = ChoosePort(family, mapping);
            mapping.Due = now;
            Put(new PortTaken(mapping.Target, port, mapping.WantedPort, reason));
            return;
        }

        bool isTaken = mapping.Tried.Contains(mapping.ExternalPort);
        if (mapping.ExternalPort != 0 && (mapping.IsStale || isTaken))
        {
            if (!isTaken)
            {
                mapping.AddDoubt(mapping.ExternalPort, mapping.Expires);
            }

            Lose(mapping, reason);
        }

        if (mapping.Tried.Count > 0)
        {
            mapping.WantedPort = mapping.Target.InternalPort;
            mapping.EndRound();
        }

        TimeSpan delay = AddFailure(mapping, error);
        if (mapping.ExternalPort != 0)
        {
            // Once more before it is too late.
            delay = Min(delay, Clamp((mapping.Expires - now) / 2, PortMapperLimits.MinRenewal, PortMapperLimits.MaxRenewal));
        }

        mapping.Due = mapping.IsWantedAgain ? now : now + delay;
        Put(new MapFailed(mapping.Target, port, error, reason, mapping.Due - now));
    }

    /// <summary>Small steps first: a port near the usual one is easier to remember and to recognise. Then anything.</summary>
    private int ChoosePort(MapperFamily family, MappingJob mapping)
    {
        int step = mapping.Tried.Count;
        int port = step <= PortMapperLimits.PortSteps ? mapping.Tried[0] + step : 0;
        while (port is 0 or > IPEndPoint.MaxPort || mapping.Tried.Contains(port) || IsOurs(port))
        {
            port = PortMapperLimits.MinRandomPort + _random.Next(IPEndPoint.MaxPort + 1 - PortMapperLimits.MinRandomPort);
        }

        return port;

        bool IsOurs(int candidate) => family.Mappings.Any(m =>
            m != mapping && m.Target.Protocol == mapping.Target.Protocol
            && (m.ExternalPort == candidate || m.WantedPort == candidate || m.Target.InternalPort == candidate));
    }

    /// <returns>How long to wait.</returns>
    private TimeSpan AddFailure(MapperJob job, NatError error)
    {
        job.Failures++;
        int doublings = Math.Min(job.Failures - 1, 16);
        TimeSpan delay = error == NatError.Unsupported
            ? PortMapperLimits.MaxRetry
            : Min(PortMapperLimits.MaxRetry, PortMapperLimits.FirstRetry * (1 << doublings));
        return (delay / 2) + TimeSpan.FromMilliseconds(_random.Next((int)(delay / 2).TotalMilliseconds + 1));
    }

    private void Lose(MappingJob mapping, string reason)
    {
        Put(new PortLost(mapping.Target, mapping.ExternalPort, reason));
        mapping.ExternalPort = 0;
    }

    private void TakeAddress(TimeSpan now, MapperFamily family, IPAddress? address, MappingJob? answered)
    {
        bool isNone = address is null || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
        if (SetAddress(family, isNone ? null : address) is { } before && family.Address is { } current && !before.Equals(current))
        {
            RemapOthers(now, family, answered);
        }
    }

    /// <returns>The address that was known last, if there is a change.</returns>
    private IPAddress? SetAddress(MapperFamily family, IPAddress? address)
    {
        if (Equals(family.Address, address) || _isStopping)
        {
            return null;
        }

        IPAddress? before = family.LastAddress;
        (family.Address, family.LastAddress) = (address, address ?? before);
        Put(new ExternalAddressChanged(family.IsIPv6, address));
        return before;
    }

    private void TakeUptime(TimeSpan now, MapperFamily family, TimeSpan? uptime, MappingJob? answered)
    {
        if (family.HasRestarted(now, uptime) && !_isStopping)
        {
            Put(new GatewayRestarted(family.IsIPv6));
            RemapOthers(now, family, answered);
        }
    }

    /// <summary>Has everything mapped again but what was answered just now.</summary>
    private static void RemapOthers(TimeSpan now, MapperFamily family, MappingJob? answered)
    {
        if (family.LastRemap > now)
        {
            return;
        }

        TimeSpan due = family.LastRemap is { } last && last + PortMapperLimits.MinRemapInterval > now ? last + PortMapperLimits.MinRemapInterval : now;
        family.LastRemap = due;
        foreach (MappingJob mapping in family.Mappings.Where(m => m != answered))
        {
            mapping.Due = Min(mapping.Due, due);
        }
    }

    private TimeSpan GetNextTimeout(MapperFamily family)
    {
        if (_isStopping)
        {
            return family.Call is not null ? family.CallDeadline : TimeSpan.MaxValue;
        }

        TimeSpan next = family.Call is not null ? family.CallDeadline : family.Jobs.Min(static j => j.Due);
        return family.Mappings.Where(static m => m.ExternalPort != 0).Select(static m => m.Expires).Append(next).Min();
    }

    private void StartCalls(TimeSpan now)
    {
        foreach (MapperFamily family in _families.Where(static f => f.Call is null))
        {
            if (_isStopping)
            {
                if (family.Mappings.FirstOrDefault(static m => m.PortToUnmap != 0) is { } left)
                {
                    Begin(family, left, new UnmapWanted(++_lastCallId, left.Target, left.PortToUnmap, _lifetime), now + PortMapperLimits.StopCallTimeout);
                }
            }
            else if (family.Jobs.Where(j => j.Due <= now).MinBy(static j => j.Due) is { } job)
            {
                NatCall call = job is MappingJob mapping
                    ? new MapWanted(++_lastCallId, mapping.Target, mapping.WantedPort, _lifetime)
                    : new StatusWanted(++_lastCallId, family.IsIPv6);
                Begin(family, job, call, now + PortMapperLimits.CallTimeout);
            }
        }

        if (_isStopping && !IsDone && CallCount == 0)
        {
            IsDone = true;
            Put(new MapperDone());
        }
    }

    private void Begin(MapperFamily family, MapperJob job, NatCall call, TimeSpan deadline)
    {
        (family.Call, family.CallJob, family.CallDeadline) = (call, job, deadline);
        job.IsWantedAgain = false;
        Put(call);
    }

    /// <summary>The call that an answer is for, if anybody waits for it: answers may come late, and twice.</summary>
    private (MapperFamily? Family, NatCall? Call, MapperJob? Job) EndCall(long callId)
    {
        MapperFamily? family = Array.Find(_families, f => f.Call?.Id == callId);
        (MapperFamily?, NatCall?, MapperJob?) ended = (family, family?.Call, family?.CallJob);
        if (family is not null)
        {
            (family.Call, family.CallJob) = (null, null);
        }

        return ended;
    }

    private void Put(PortMapperOutput output) => _outputs.Enqueue(output);

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Clamp(TimeSpan value, TimeSpan min, TimeSpan max) => value < min ? min : value > max ? max : value;
}
