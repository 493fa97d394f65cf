using System.Collections.Concurrent;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>
/// Tries several methods at once and keeps, for each address family, the first that works: that tells our address outside. One that
/// cannot map ports is taken only when all that can have failed.
/// </summary>
/// <remarks>Go: <c>nat.Any</c>, which tries once.</remarks>
/// <param name="methods">The methods.</param>
/// <param name="time">For the bound of a race.</param>
internal sealed class AutoNat(IReadOnlyList<INat> methods, TimeProvider time) : INat
{
    /// <summary>So many failures in a row to tell the address, or to map, and the methods race again.</summary>
    public const int MaxFailures = 3;

    /// <summary>What has not worked by then counts as failed.</summary>
    public static readonly TimeSpan RaceTimeout = TimeSpan.FromSeconds(15);

    private const int Best = 3;

    private readonly Lock _gate = new();
    private readonly Lane _lane4 = new();
    private readonly Lane _lane6 = new();
    private readonly ConcurrentDictionary<(AddressFamily, NatProtocol, int), INat> _mappedBy = new();

    /// <inheritdoc/>
    public bool CanMap => methods.Any(method => method.CanMap);

    /// <summary>The method that is kept for a family; null before one has worked.</summary>
    public INat? Kept(AddressFamily family)
    {
        lock (_gate)
        {
            return LaneOf(family).Kept;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default)
    {
        (INat method, NatStatus? status) = await GetKeptAsync(family, cancellationToken).ConfigureAwait(false);
        return status ?? await TryAsync(family, method, isMapping: false, () => method.GetStatusAsync(family, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        (INat method, _) = await GetKeptAsync(request.Family, cancellationToken).ConfigureAwait(false);
        NatMapping mapping = await TryAsync(request.Family, method, isMapping: true, () => method.CanMap
            ? method.MapAsync(request, cancellationToken)
            : throw new NatException(NatError.Unsupported, $"no method that maps ports works here; {method} tells the address")).ConfigureAwait(false);
        _mappedBy[KeyOf(request)] = method;
        return mapping;
    }

    /// <inheritdoc/>
    /// <remarks>Asks the method that made the mapping, even if another one is kept now.</remarks>
    public ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        INat? method = _mappedBy.TryRemove(KeyOf(request), out INat? maker) ? maker : Kept(request.Family);
        return method is { CanMap: true } ? method.UnmapAsync(request, cancellationToken) : ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override string ToString() => "any";

    private static (AddressFamily, NatProtocol, int) KeyOf(NatMappingRequest request) => (request.Family, request.Protocol, request.InternalPort);

    private Lane LaneOf(AddressFamily family) => family == AddressFamily.InterNetwork ? _lane4 : _lane6;

    /// <summary>The method that is kept; or the winner of a race, one for all who wait, with what it said.</summary>
    private async Task<(INat Method, NatStatus? Status)> GetKeptAsync(AddressFamily family, CancellationToken cancellationToken)
    {
        Task<Outcome> race;
        lock (_gate)
        {
            Lane lane = LaneOf(family);
            if (lane.Kept is { } kept)
            {
                return (kept, null);
            }

            // Nobody's cancellation ends it for the others.
            race = lane.Race ??= Task.Run(() => RaceAsync(family, lane), CancellationToken.None);
        }

        Outcome outcome = await race.WaitAsync(cancellationToken).ConfigureAwait(false);
        return outcome.Method is { } winner
            ? (winner, outcome.Status)
            : throw new NatException(NatError.NotFound, outcome.Failure ?? "there is no method to try");
    }

    private async Task<Outcome> RaceAsync(AddressFamily family, Lane lane)
    {
        Outcome best = await FindBestAsync(family, lane.Demoted).ConfigureAwait(false);
        lock (_gate)
        {
            (lane.Kept, lane.Demoted, lane.Race, lane.StatusFailures, lane.MapFailures) = (best.Method, null, null, 0, 0);
        }

        return best;
    }

    private async Task<Outcome> FindBestAsync(AddressFamily family, INat? demoted)
    {
        using var limit = new CancellationTokenSource(RaceTimeout, time);
        CancellationToken end = limit.Token;
        Task<Outcome>[] running = [.. methods.Select(method => Task.Run(() => AskAsync(method, family, end), end))];
        var best = new Outcome(null, null, null);
        try
        {
            await foreach (Task<Outcome> done in Task.WhenEach(running).WithCancellation(end).ConfigureAwait(false))
            {
                Outcome outcome = await done.ConfigureAwait(false);
                int rank = Rank(outcome.Method, demoted);
                best = rank > Rank(best.Method, demoted) ? outcome
                    : outcome.Failure is { } failure && best.Method is null ? best with { Failure = best.Failure is null ? failure : $"{best.Failure}; {failure}" }
                    : best;
                if (rank == Best)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Too late for the rest.
        }

        await limit.CancelAsync().ConfigureAwait(false);
        return best.Method is null && best.Failure is null ? best with { Failure = "no method answers in time" } : best;
    }

    /// <summary>What has just failed often is taken again only if nothing else maps ports.</summary>
    private static int Rank(INat? method, INat? demoted) => method switch
    {
        null => 0,
        { CanMap: false } => 1,
        _ => method == demoted ? 2 : Best,
    };

    private static async Task<Outcome> AskAsync(INat method, AddressFamily family, CancellationToken cancellationToken)
    {
        try
        {
            NatStatus status = await method.GetStatusAsync(family, cancellationToken).ConfigureAwait(false);
            return status.ExternalAddress is null
                ? new Outcome(null, null, $"{method}: no {GatewayLink.NameOf(family)} address")
                : new Outcome(method, status, null);
        }
        catch (Exception e)
        {
            // A method that users bring may throw anything; it must not end the race for the others.
            return new Outcome(null, null, $"{method}: {e.Message}");
        }
    }

    private async Task<T> TryAsync<T>(AddressFamily family, INat method, bool isMapping, Func<ValueTask<T>> call)
    {
        bool hasFailed = false;
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (NatException e) when (e.Error != NatError.Conflict)
        {
            hasFailed = true;
            throw;
        }
        finally
        {
            Count(LaneOf(family), method, isMapping, hasFailed);
        }
    }

    /// <summary>Counts each kind of call by itself: a device that tells its address may refuse every mapping.</summary>
    private void Count(Lane lane, INat method, bool isMapping, bool hasFailed)
    {
        lock (_gate)
        {
            if (lane.Kept != method)
            {
                return;
            }

            ref int failures = ref isMapping ? ref lane.MapFailures : ref lane.StatusFailures;
            failures = hasFailed ? failures + 1 : 0;
            if (failures >= MaxFailures)
            {
                (lane.Kept, lane.Demoted) = (null, method);
            }
        }
    }

    /// <summary>What is known of a family.</summary>
    private sealed class Lane
    {
        public INat? Kept;
        public INat? Demoted;
        public Task<Outcome>? Race;
        public int StatusFailures;
        public int MapFailures;
    }

    /// <param name="Method">The method that works; null for none.</param>
    /// <param name="Status">What it said.</param>
    /// <param name="Failure">Why none works.</param>
    private sealed record Outcome(INat? Method, NatStatus? Status, string? Failure);
}
