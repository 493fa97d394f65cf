using System.Net;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>
/// A device between this host and the internet that may translate addresses: tells where this host is seen from outside, and opens
/// ports. Implement it to bring a method of your own; <see cref="NatMethod"/> makes the built-in ones.
/// </summary>
/// <remarks>
/// <para>Go: <c>nat.Interface</c>. Safe for concurrent calls. A call ends within a bounded time, cancelled or not.</para>
/// <para>
/// Renewal, other ports when one is taken, removal and retries are not its business: a <see cref="Server"/> does all that for any
/// implementation. The text form (<see cref="object.ToString"/>) is what logs and users see.
/// </para>
/// </remarks>
public interface INat
{
    /// <summary>Whether ports can be mapped; else only <see cref="GetStatusAsync"/> is ever called.</summary>
    bool CanMap { get; }

    /// <summary>
    /// Whether the addresses are the operator's word, such as <c>extip:</c>: then they stay in the record, whatever others say. Asked once.
    /// </summary>
    bool IsFixed => false;

    /// <summary>Asks where this host is seen from outside.</summary>
    /// <param name="family"><see cref="AddressFamily.InterNetwork"/> or <see cref="AddressFamily.InterNetworkV6"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The status; its address is null if this method says nothing about that family.</returns>
    /// <exception cref="NatException">There is no such device, or it gives no usable answer.</exception>
    ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default);

    /// <summary>Makes a mapping, or renews it if it exists.</summary>
    /// <param name="request">What to map.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What the device granted; its port may be another than the one asked for.</returns>
    /// <exception cref="NatException">
    /// It was not made. With <see cref="NatError.Conflict"/> the external port is taken, and another may be free.
    /// </exception>
    ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default);

    /// <summary>Removes a mapping. Removing one that does not exist is no error.</summary>
    /// <param name="request">The request that made it, with the external port that was granted.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NatException">The device refuses, or does not answer.</exception>
    ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default);
}

/// <summary>What a port is of.</summary>
public enum NatProtocol
{
    /// <summary>UDP.</summary>
    Udp,

    /// <summary>TCP.</summary>
    Tcp,
}

/// <summary>A mapping that is asked for.</summary>
public sealed record NatMappingRequest
{
    /// <summary>The address family.</summary>
    public AddressFamily Family { get; init; } = AddressFamily.InterNetwork;

    /// <summary>UDP or TCP.</summary>
    public required NatProtocol Protocol { get; init; }

    /// <summary>The port that this host listens on. 1 to 65535.</summary>
    public required int InternalPort { get; init; }

    /// <summary>The port wanted outside. 1 to 65535.</summary>
    public required int ExternalPort { get; init; }

    /// <summary>How long the mapping should live without being renewed.</summary>
    public required TimeSpan Lifetime { get; init; }

    /// <summary>What the device's owner reads in its list of mappings, if the method carries it. ASCII.</summary>
    public string Description { get; init; } = "devp2p";
}

/// <summary>A mapping that was made.</summary>
public sealed record NatMapping
{
    /// <summary>The port outside.</summary>
    public required int ExternalPort { get; init; }

    /// <summary>The address outside, if the answer names it.</summary>
    public IPAddress? ExternalAddress { get; init; }

    /// <summary>How long the mapping lives without being renewed.</summary>
    public required TimeSpan Lifetime { get; init; }

    /// <summary>The device's uptime at the answer, if it tells. See <see cref="NatStatus.Uptime"/>.</summary>
    public TimeSpan? Uptime { get; init; }
}

/// <summary>How this host is seen from outside.</summary>
public sealed record NatStatus
{
    /// <summary>The address outside, as the device says: may be private (double NAT) or shared (RFC 6598). Null if it says none.</summary>
    public IPAddress? ExternalAddress { get; init; }

    /// <summary>
    /// For how long the device has kept its mappings (PCP and NAT-PMP: the epoch; UPnP: the uptime), null if it does not tell. When
    /// it has grown less than our own time has, the device was restarted and its mappings may be gone (RFC 6887, section 8.5).
    /// </summary>
    public TimeSpan? Uptime { get; init; }
}
