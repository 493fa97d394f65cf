using System.Net;
using System.Net.Sockets;
using DevP2P.NetUtil;

namespace DevP2P.Dialing;

/// <summary>Looks up the addresses of a host name. Nothing is cached: a node that moved is found at the next dial.</summary>
/// <remarks>Go: <c>dialScheduler.dnsResolveHostname</c>. Safe for concurrent calls.</remarks>
internal sealed class HostNameResolver
{
    /// <summary>How long a lookup may take, as in go-ethereum.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _lookup;
    private readonly TimeProvider _timeProvider;

    public HostNameResolver(TimeProvider timeProvider)
        : this(Dns.GetHostAddressesAsync, timeProvider)
    {
    }

    internal HostNameResolver(Func<string, CancellationToken, Task<IPAddress[]>> lookup, TimeProvider timeProvider)
    {
        _lookup = lookup;
        _timeProvider = timeProvider;
    }

    /// <summary>The name's addresses, none twice, IPv6 and IPv4 in turn, IPv6 first (RFC 8305, section 4).</summary>
    /// <exception cref="TimeoutException">No answer within <see cref="Timeout"/>.</exception>
    /// <exception cref="SocketException">The name does not exist or the lookup failed.</exception>
    public async Task<IReadOnlyList<IPAddress>> ResolveAsync(string hostName, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(Timeout, _timeProvider);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        IPAddress[] found;
        try
        {
            // The system's resolver may ignore the token; the wait does not.
            found = await _lookup(hostName, both.Token).WaitAsync(both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"the lookup of {hostName} took longer than {Timeout.TotalSeconds:0} s");
        }

        ILookup<bool, IPAddress> byFamily = found
            .Select(AddressRules.Unmap)
            .Distinct()
            .ToLookup(a => a.AddressFamily == AddressFamily.InterNetworkV6);
        return [.. Interleave([.. byFamily[true]], [.. byFamily[false]])];
    }

    private static IEnumerable<IPAddress> Interleave(IPAddress[] first, IPAddress[] second)
    {
        for (int i = 0; i < Math.Max(first.Length, second.Length); i++)
        {
            if (i < first.Length)
            {
                yield return first[i];
            }

            if (i < second.Length)
            {
                yield return second[i];
            }
        }
    }
}
