using System.Net;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>Says which addresses this host has outside, as its operator told it, who has mapped the ports, too.</summary>
/// <remarks>Go: <c>nat.ExtIP</c>, of one address. Mapping is an error here and a success without effect there.</remarks>
internal sealed class StaticAddress : INat
{
    private readonly IPAddress[] _addresses;

    /// <param name="addresses">At most one of each family.</param>
    /// <exception cref="ArgumentException">That is not what they are.</exception>
    public StaticAddress(IReadOnlyList<IPAddress> addresses) => _addresses = FindFault(addresses) is { } fault
        ? throw new ArgumentException(fault, nameof(addresses))
        : [.. addresses];

    /// <summary>What is wrong with addresses, null if nothing is.</summary>
    public static string? FindFault(IReadOnlyList<IPAddress> addresses) =>
        addresses.Count == 0 || addresses.DistinctBy(address => address.AddressFamily).Count() != addresses.Count
            ? "want one address, or one of IPv4 and one of IPv6"
            : addresses.FirstOrDefault(address => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) is { } none
                ? $"{none} is no host's address"
                : null;

    /// <inheritdoc/>
    public bool CanMap => false;

    /// <inheritdoc/>
    public bool IsFixed => true;

    /// <inheritdoc/>
    public ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(new NatStatus { ExternalAddress = Array.Find(_addresses, address => address.AddressFamily == family) });

    /// <inheritdoc/>
    public ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default) =>
        ValueTask.FromException<NatMapping>(new NatException(NatError.Unsupported, $"{this} maps no ports"));

    /// <inheritdoc/>
    public ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public override string ToString() => $"extip:{string.Join(',', _addresses.AsEnumerable())}";
}
