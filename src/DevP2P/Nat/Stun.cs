using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using DevP2P.NetUtil;

namespace DevP2P.Nat;

/// <summary>Asks STUN servers where they see this host (RFC 8489). Tells the address only: it maps nothing.</summary>
/// <remarks>Go: <c>nat.stun</c>, which takes whatever family the servers are of.</remarks>
internal sealed class Stun : INat
{
    /// <summary>How many servers are asked, as in go-ethereum, one after the other, drawn at random.</summary>
    public const int MaxServers = 3;

    /// <summary>How long the lookup of one server's name may take.</summary>
    public static readonly TimeSpan LookupTimeout = TimeSpan.FromSeconds(2);

    private readonly string? _given;
    private readonly (string Host, int Port)[] _servers;
    private readonly TimeProvider _time;

    /// <param name="given">A host with or without a port; null for <see cref="StunServers.Default"/>.</param>
    /// <param name="time">For waits.</param>
    /// <exception cref="ArgumentException">It is no host.</exception>
    public Stun(string? given, TimeProvider time)
        : this(given is null ? StunServers.Default : [given], time) => _given = given;

    /// <param name="servers">Hosts with or without ports.</param>
    /// <param name="time">For waits.</param>
    internal Stun(IReadOnlyList<string> servers, TimeProvider time)
    {
        _time = time;
        _servers = [.. servers.Select(text => HostAndPort.TryParse(text, StunCodec.DefaultPort, out string? host, out int port)
            ? (host, port)
            : throw new ArgumentException($"\"{text}\" is not a host with or without a port", nameof(servers)))];
    }

    /// <inheritdoc/>
    public bool CanMap => false;

    /// <inheritdoc/>
    public async ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default)
    {
        (string Host, int Port)[] servers = [.. _servers.Where(server =>
            !IPAddress.TryParse(server.Host, out IPAddress? address) || address.AddressFamily == family)];
        if (servers.Length == 0)
        {
            return new NatStatus();
        }

        RandomNumberGenerator.Shuffle<(string Host, int Port)>(servers);
        var failures = new List<NatException>();
        foreach ((string host, int port) in servers.Take(MaxServers))
        {
            try
            {
                IPEndPoint server = await ResolveAsync(host, port, family, cancellationToken).ConfigureAwait(false);
                return new NatStatus { ExternalAddress = await StunClient.GetAddressAsync(server, _time, cancellationToken).ConfigureAwait(false) };
            }
            catch (NatException e)
            {
                failures.Add(e);
            }
        }

        throw new NatException(failures[^1].Error, string.Join("; ", failures.Select(failure => failure.Message)), failures[^1]);
    }

    /// <inheritdoc/>
    public ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default) =>
        ValueTask.FromException<NatMapping>(new NatException(NatError.Unsupported, $"{this} maps no ports"));

    /// <inheritdoc/>
    public ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public override string ToString() => _given is null ? "stun" : $"stun:{_given}";

    /// <summary>An address of a server.</summary>
    /// <exception cref="NatException">It has none of that family.</exception>
    internal async Task<IPEndPoint> ResolveAsync(string host, int port, AddressFamily family, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out IPAddress? literal))
        {
            return new IPEndPoint(literal, port);
        }

        using var limit = new CancellationTokenSource(LookupTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            // The system's resolver may ignore the token; the wait does not.
            IPAddress[] found = await Dns.GetHostAddressesAsync(host, family, either.Token).WaitAsync(either.Token).ConfigureAwait(false);
            return found.Length > 0
                ? new IPEndPoint(found[0], port)
                : throw new NatException(NatError.NotFound, $"{host} has no {GatewayLink.NameOf(family)} address");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NatException(NatError.NotFound, $"the lookup of {host} took longer than {LookupTimeout.TotalSeconds:0} s");
        }
        catch (SocketException e)
        {
            throw new NatException(NatError.NotFound, $"the lookup of {host} failed: {e.Message}", e);
        }
    }
}
