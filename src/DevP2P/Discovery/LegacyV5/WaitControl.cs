namespace DevP2P.Discovery.LegacyV5;

/// <summary>
/// How long nodes must wait to be registered for one topic: longer when registrations come more often than they should, shorter
/// when they come less often. A value of its own for every topic; <c>default</c> is that of a topic without registrations.
/// </summary>
/// <remarks>
/// Go: <c>waitControlLoop</c>. It tells others the time as it was at the last registration; here it is the time that the next
/// registration would set, so that it falls even when nobody registers.
/// </remarks>
internal struct WaitControl
{
    private TimeSpan _wait;
    private TimeSpan _registeredAt;

    /// <summary>What a ticket issued now has to wait.</summary>
    public readonly TimeSpan GetWait(TimeSpan now)
    {
        double exponent = (TopicLimits.TargetRegistrationInterval - (now - _registeredAt)) / TopicLimits.WaitTimeConstant;
        TimeSpan wait = _wait * Math.Exp(exponent);
        return wait < TopicLimits.MinWait ? TopicLimits.MinWait : wait > TopicLimits.MaxWait ? TopicLimits.MaxWait : wait;
    }

    /// <summary>Takes note of a registration.</summary>
    public void Registered(TimeSpan now) => (_wait, _registeredAt) = (GetWait(now), now);
}
