using System.Net;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>
/// Maps ports by UPnP (IGD 1 and 2). IPv4 only. The gateway is searched for when it is first needed, kept, and searched for anew when
/// it fails, as when this host has moved to another network.
/// </summary>
/// <remarks>Go: <c>nat.UPnP</c>, which keeps the first gateway for ever. One call at a time: home routers are frail.</remarks>
internal sealed class Upnp : INat
{
    /// <summary>A call takes no longer, from when its turn has come.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(30);

    /// <summary>All gateways together are looked at for no longer.</summary>
    public static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(8);

    /// <summary>So many services of one gateway are tried.</summary>
    private const int MaxProbes = 4;

    private readonly TimeProvider _time;
    private readonly UpnpNetwork _network;
    private readonly UpnpHttp _http;
    private readonly SemaphoreSlim _turn = new(1);
    private UpnpGateway? _gateway;

    /// <param name="time">For the bounds of time.</param>
    public Upnp(TimeProvider time)
        : this(time, UpnpNetwork.Local)
    {
    }

    /// <param name="time">For the bounds of time.</param>
    /// <param name="network">Where gateways are searched for.</param>
    internal Upnp(TimeProvider time, UpnpNetwork network) =>
        (_time, _network, _http) = (time, network, new UpnpHttp(network.HttpTimeout, time));

    /// <inheritdoc/>
    public bool CanMap => true;

    /// <summary>The service of the gateway that is kept; null if there is none.</summary>
    internal UpnpService? Service => Volatile.Read(ref _gateway)?.Service;

    /// <inheritdoc/>
    public async ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default) =>
        family == AddressFamily.InterNetwork
            ? await UseGatewayAsync(static (gateway, end) => gateway.GetStatusAsync(end), cancellationToken).ConfigureAwait(false)
            : new NatStatus();

    /// <inheritdoc/>
    public async ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        Check(request);
        if (request.Lifetime <= TimeSpan.Zero)
        {
            throw new ArgumentException($"{nameof(request.Lifetime)} is {request.Lifetime}: want more than zero", nameof(request));
        }

        return await UseGatewayAsync((gateway, end) => gateway.MapAsync(request, end), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        Check(request);
        await UseGatewayAsync(
            async (gateway, end) =>
            {
                await gateway.UnmapAsync(request, end).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override string ToString() => "upnp";

    private static void Check(NatMappingRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckPort(request.InternalPort, nameof(NatMappingRequest.InternalPort));
        CheckPort(request.ExternalPort, nameof(NatMappingRequest.ExternalPort));
        if (request.Family != AddressFamily.InterNetwork)
        {
            throw new NatException(NatError.Unsupported, "UPnP maps ports of IPv4 only");
        }

        static void CheckPort(int port, string name)
        {
            if (port is < 1 or > ushort.MaxValue)
            {
                throw new ArgumentException($"{name} is {port}: want 1 to 65535", nameof(request));
            }
        }
    }

    private async Task<T> UseGatewayAsync<T>(Func<UpnpGateway, CancellationToken, Task<T>> use, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using var limit = new CancellationTokenSource(CallTimeout, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
            return await UseGatewayInTurnAsync(use, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new NatException(NatError.Timeout, "the gateways take too long to answer", e);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<T> UseGatewayInTurnAsync<T>(Func<UpnpGateway, CancellationToken, Task<T>> use, CancellationToken cancellationToken)
    {
        if (_gateway is { } kept)
        {
            try
            {
                return await UseAsync(kept).ConfigureAwait(false);
            }
            catch (NatException) when (_gateway is null)
            {
                // Perhaps this host has moved, or the gateway was restarted with another port: a search finds that out.
            }
        }

        return await UseAsync(await FindAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);

        // Keeps the gateway unless it has failed, or turns out not to be connected: another one may be.
        async Task<T> UseAsync(UpnpGateway gateway)
        {
            Volatile.Write(ref _gateway, null);
            try
            {
                T result = await use(gateway, cancellationToken).ConfigureAwait(false);
                Volatile.Write(ref _gateway, gateway.IsConnected ? gateway : null);
                return result;
            }
            catch (NatException e) when (e.Error is not (NatError.Timeout or NatError.Malformed))
            {
                Volatile.Write(ref _gateway, gateway.IsConnected ? gateway : null);
                throw;
            }
        }
    }

    /// <summary>The first gateway that answers and is connected; if there is none, the first found that answers.</summary>
    private async Task<UpnpGateway> FindAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Uri> locations = await UpnpSearch.RunAsync(_network, _time, cancellationToken).ConfigureAwait(false);
        if (locations.Count == 0)
        {
            throw new NatException(NatError.NotFound, "no gateway answers a search by UPnP");
        }

        using var limit = new CancellationTokenSource(ProbeTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        CancellationToken end = either.Token;
        Task<Probe>[] probes = [.. locations.Select(location => ProbeAsync(location, end))];
        UpnpGateway? connected = null;
        await foreach (Task<Probe> done in Task.WhenEach(probes).ConfigureAwait(false))
        {
            if ((await done.ConfigureAwait(false)).Gateway is { IsConnected: true } gateway && connected is null)
            {
                connected = gateway;
                // Nothing is left behind: the others end, and are waited for.
                await limit.CancelAsync().ConfigureAwait(false);
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        Probe[] all = await Task.WhenAll(probes).ConfigureAwait(false);
        return connected
            ?? all.FirstOrDefault(static probe => probe.Gateway is not null).Gateway
            ?? throw new NatException(all[0].Failure!.Error, $"no gateway that answers a search by UPnP can be used: {all[0].Failure!.Message}", all[0].Failure);
    }

    /// <summary>What is at a location: the first service that is connected, else the best that answers.</summary>
    private async Task<Probe> ProbeAsync(Uri location, CancellationToken cancellationToken)
    {
        UpnpGateway? best = null;
        NatException? failure = null;
        try
        {
            IPAddress from = UpnpNetwork.FindAddressTowards(IPAddress.Parse(location.Host));
            byte[] xml = await _http.GetAsync(from, location, cancellationToken).ConfigureAwait(false);
            if (!UpnpDescription.TryParse(xml, location, out IReadOnlyList<UpnpService> services) || services.Count == 0)
            {
                throw new NatException(NatError.Malformed, $"what is at {location.Authority} describes no gateway that maps ports");
            }

            foreach (UpnpService service in services.Take(MaxProbes))
            {
                var gateway = new UpnpGateway(_http, from, service);
                if (await TryProbeAsync(gateway, cancellationToken).ConfigureAwait(false) is { } whyNot)
                {
                    failure ??= whyNot;
                }
                else if (gateway.IsConnected)
                {
                    return new Probe(gateway, null);
                }
                else
                {
                    best ??= gateway;
                }
            }
        }
        catch (NatException e)
        {
            failure = e;
        }
        catch (OperationCanceledException e)
        {
            failure = new NatException(NatError.Timeout, $"the gateway {location.Host} takes too long to answer", e);
        }

        return new Probe(best, failure);
    }

    private static async Task<NatException?> TryProbeAsync(UpnpGateway gateway, CancellationToken cancellationToken)
    {
        try
        {
            await gateway.ProbeAsync(cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (NatException e)
        {
            return e;
        }
    }

    /// <param name="Gateway">What was found; null for none.</param>
    /// <param name="Failure">Why there is none.</param>
    private readonly record struct Probe(UpnpGateway? Gateway, NatException? Failure);
}
