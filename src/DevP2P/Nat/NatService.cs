using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using DevP2P.Crypto;
using DevP2P.NetUtil;
using Microsoft.Extensions.Logging;

namespace DevP2P.Nat;

/// <summary>
/// What is between a <see cref="PortMapper"/> and an <see cref="INat"/>: one loop that feeds the machine with answers and time, and
/// makes the calls that it wants, each as a task of its own. Whatever the method throws, and however long it hangs, nothing of it
/// gets outside, and the stop is over in <see cref="StopTimeout"/>.
/// </summary>
internal sealed partial class NatService : IAsyncDisposable
{
    /// <summary>How long the removal of the mappings may take before the program ends without it; their lifetimes end them then.</summary>
    public static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    private readonly INat _nat;
    private readonly Action<PortMapperOutput> _handle;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _start;
    private readonly Channel<Action<TimeSpan>> _events = Channel.CreateUnbounded<Action<TimeSpan>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ITimer _timer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    // Only the loop touches these. A method that does not keep its promise to end is not called again, in that family, before it has.
    private readonly Dictionary<long, CancellationTokenSource> _running = [];
    private readonly long?[] _runningOfFamily = new long?[2];
    private PortMapper _mapper = null!;

    /// <summary>Starts; returns at once.</summary>
    /// <param name="nat">The method.</param>
    /// <param name="targets">What is to be mapped; at least one.</param>
    /// <param name="handle">Takes what comes of it, in the loop: it must be quick.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what should not be.</param>
    /// <param name="random">Draws ports and waiting times.</param>
    /// <param name="lifetime">The lifetime of mappings, if not <see cref="PortMapperLimits.Lifetime"/>.</param>
    public NatService(
        INat nat, IEnumerable<PortTarget> targets, Action<PortMapperOutput> handle, TimeProvider time, ILogger logger, RandomSource random,
        TimeSpan? lifetime = null)
    {
        (_nat, _handle, _time, _logger) = (nat, handle, time, logger);
        _start = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Post(now => _mapper.HandleTimeout(now)), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Post(_ => _mapper = new PortMapper(TimeSpan.Zero, targets, CanMap(), random, lifetime ?? PortMapperLimits.Lifetime));
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>The network is another one, or may be. Safe for concurrent calls.</summary>
    public void HandleNetworkChange() => Post(now => _mapper.HandleNetworkChange(now));

    /// <summary>Removes the mappings, and ends. Safe for concurrent calls.</summary>
    public async Task StopAsync()
    {
        Post(now => _mapper.Stop(now));
        try
        {
            await _loop.WaitAsync(StopTimeout, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            StopIncomplete(_logger);
        }

        _events.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    [LoggerMessage(300, LogLevel.Error, "Port mapping caught a defect; it goes on")]
    private static partial void Defect(ILogger logger, Exception exception);

    [LoggerMessage(301, LogLevel.Warning, "The port mapping could not be removed in time; it ends when its lifetime does")]
    private static partial void StopIncomplete(ILogger logger);

    private bool CanMap()
    {
        try
        {
            return _nat.CanMap;
        }
        catch (Exception e)
        {
            Defect(_logger, e);
            return false;
        }
    }

    private void Post(Action<TimeSpan> action) => _events.Writer.TryWrite(action);

    private async Task LoopAsync()
    {
        await foreach (Action<TimeSpan> action in _events.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                TimeSpan now = _time.GetElapsedTime(_start);
                action(now);
                Drain(now);
            }
            catch (Exception e)
            {
                // The machine's tests are there to make this dead code.
                Defect(_logger, e);
            }

            if (_mapper.IsDone)
            {
                return;
            }

            ScheduleTimeout();
        }
    }

    private void ScheduleTimeout()
    {
        if (_mapper.NextTimeout is not { } due)
        {
            return;
        }

        TimeSpan delay = due - _time.GetElapsedTime(_start);
        try
        {
            // Timers are cut to whole milliseconds; waking up too early would mean waking up twice.
            _timer.Change(TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling(delay.TotalMilliseconds), 1, int.MaxValue)), Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // Stopping.
        }
    }

    private void Drain(TimeSpan now)
    {
        while (_mapper.TryDequeue(out PortMapperOutput? output))
        {
            switch (output)
            {
                case NatCall call:
                    Call(now, call);
                    break;
                case CallAbandoned abandoned:
                    if (_running.TryGetValue(abandoned.Id, out CancellationTokenSource? cancel))
                    {
                        // Callbacks on the token are the method's own.
                        _ = cancel.CancelAsync();
                    }

                    break;
                default:
                    Handle(output);
                    break;
            }
        }
    }

    private void Handle(PortMapperOutput output)
    {
        try
        {
            _handle(output);
        }
        catch (Exception e)
        {
            Defect(_logger, e);
        }
    }

    private void Call(TimeSpan now, NatCall call)
    {
        ref long? running = ref _runningOfFamily[call.IsIPv6 ? 1 : 0];
        if (running is not null)
        {
            _mapper.HandleFailure(now, call.Id, NatError.Timeout, "the method has not ended its last call yet");
            return;
        }

        var cancel = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        _running.Add(call.Id, cancel);
        running = call.Id;
        _ = Task.Run(() => CallAsync(call, cancel.Token));
    }

    /// <summary>Makes a call and posts what comes of it. Never throws.</summary>
    private async Task CallAsync(NatCall call, CancellationToken cancellationToken)
    {
        Action<TimeSpan> answer;
        try
        {
            answer = await AskAsync(call, cancellationToken).ConfigureAwait(false);
        }
        catch (NatException e)
        {
            answer = now => _mapper.HandleFailure(now, call.Id, e.Error, e.Message);
        }
        catch (OperationCanceledException)
        {
            answer = now => _mapper.HandleFailure(now, call.Id, NatError.Timeout, "the call was ended");
        }
        catch (Exception e)
        {
            // The method may be the application's, and throw anything. Nobody knows what it has done before.
            answer = now =>
            {
                Defect(_logger, e);
                _mapper.HandleFailure(now, call.Id, NatError.Malformed, "the method failed");
            };
        }

        Post(now =>
        {
            if (_running.Remove(call.Id, out CancellationTokenSource? cancel))
            {
                cancel.Dispose();
            }

            _runningOfFamily[call.IsIPv6 ? 1 : 0] = null;
            answer(now);
        });
    }

    private async Task<Action<TimeSpan>> AskAsync(NatCall call, CancellationToken cancellationToken)
    {
        AddressFamily family = call.IsIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        switch (call)
        {
            case MapWanted map:
                NatMapping made = await _nat.MapAsync(ToRequest(map.Target, map.ExternalPort, map.Lifetime), cancellationToken).ConfigureAwait(false);
                IPAddress? at = CheckFamily(made.ExternalAddress, family);
                return now => _mapper.HandleMapped(now, map.Id, made.ExternalPort, at, made.Lifetime, made.Uptime);
            case UnmapWanted unmap:
                await _nat.UnmapAsync(ToRequest(unmap.Target, unmap.ExternalPort, unmap.Lifetime), cancellationToken).ConfigureAwait(false);
                return now => _mapper.HandleUnmapped(now, unmap.Id);
            default:
                NatStatus status = await _nat.GetStatusAsync(family, cancellationToken).ConfigureAwait(false);
                IPAddress? address = CheckFamily(status.ExternalAddress, family);
                return now => _mapper.HandleStatus(now, call.Id, address, status.Uptime);
        }
    }

    private static IPAddress? CheckFamily(IPAddress? address, AddressFamily family)
    {
        address = address is null ? null : AddressRules.Unmap(address);
        return address is null || address.AddressFamily == family
            ? address
            : throw new NatException(NatError.Malformed, $"{address} is an address of the other family");
    }

    private static NatMappingRequest ToRequest(PortTarget target, int externalPort, TimeSpan lifetime) => new()
    {
        Family = target.IsIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork,
        Protocol = target.Protocol,
        InternalPort = target.InternalPort,
        ExternalPort = externalPort,
        Lifetime = lifetime,
    };
}
