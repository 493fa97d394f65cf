using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;

namespace DevP2P.Nat;

/// <summary>A router on the way to the internet.</summary>
/// <param name="Address">Its address on our link. A link-local one has its scope only if the system's table was read.</param>
/// <param name="Link">The name of our interface.</param>
/// <param name="Metric">The route with the lowest is taken.</param>
internal sealed record Gateway(IPAddress Address, string Link, uint Metric);

/// <summary>Finds the default gateways in the texts that Linux has for its routing tables. Lines that make no sense are skipped.</summary>
internal static class RouteTable
{
    /// <summary>More default routes than anybody has.</summary>
    public const int MaxGateways = 8;

    private const uint Up = 0x1;
    private const uint HasGateway = 0x2;
    private const uint Rejects = 0x200;
    private const int MaxFields = 16;
    private const int IPv4Fields = 8;
    private const int IPv6Fields = 10;

    /// <summary>Reads <c>/proc/net/route</c>.</summary>
    /// <returns>The gateways, best first.</returns>
    public static IReadOnlyList<Gateway> ReadIPv4(ReadOnlySpan<char> text)
    {
        // Interface, destination, gateway, flags, references, use, metric (the only decimal one that matters), mask, ...
        var found = new List<Gateway>();
        Span<Range> fields = stackalloc Range[MaxFields];
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
        {
            if (Split(line, fields) >= IPv4Fields
                && TryReadHex(line[fields[1]], out uint destination) && destination == 0
                && TryReadHex(line[fields[7]], out uint mask) && mask == 0
                && TryReadHex(line[fields[3]], out uint flags) && IsUsable(flags)
                && TryReadHex(line[fields[2]], out uint address) && address != 0
                && uint.TryParse(line[fields[6]], NumberStyles.None, CultureInfo.InvariantCulture, out uint metric))
            {
                // The kernel prints what is in its memory as a number of this machine.
                found.Add(new Gateway(new IPAddress(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in address))), line[fields[0]].ToString(), metric));
            }
        }

        return Best(found);
    }

    /// <summary>Reads <c>/proc/net/ipv6_route</c>. Link-local addresses have no scope yet.</summary>
    /// <returns>The gateways, best first.</returns>
    public static IReadOnlyList<Gateway> ReadIPv6(ReadOnlySpan<char> text)
    {
        // Destination, its prefix, source, its prefix, next hop, metric, references, use, flags, interface: all hexadecimal.
        var found = new List<Gateway>();
        Span<Range> fields = stackalloc Range[MaxFields];
        Span<byte> address = stackalloc byte[16];
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
        {
            if (Split(line, fields) >= IPv6Fields
                && TryReadHex(line[fields[1]], out uint prefix) && prefix == 0
                && TryReadHex(line[fields[3]], out uint sourcePrefix) && sourcePrefix == 0
                && TryReadHex(line[fields[5]], out uint metric)
                && TryReadHex(line[fields[8]], out uint flags) && IsUsable(flags)
                && line[fields[4]].Length == 2 * address.Length
                && Convert.FromHexString(line[fields[4]], address, out _, out _) == System.Buffers.OperationStatus.Done
                && address.ContainsAnyExcept((byte)0))
            {
                found.Add(new Gateway(new IPAddress(address), line[fields[9]].ToString(), metric));
            }
        }

        return Best(found);
    }

    private static int Split(ReadOnlySpan<char> line, Span<Range> fields) => line.SplitAny(fields, " \t", StringSplitOptions.RemoveEmptyEntries);

    private static bool TryReadHex(ReadOnlySpan<char> text, out uint value) =>
        uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);

    private static bool IsUsable(uint flags) => (flags & (Up | HasGateway | Rejects)) == (Up | HasGateway);

    /// <summary>Two interfaces may lead to one router.</summary>
    private static List<Gateway> Best(List<Gateway> found) =>
        [.. found.OrderBy(gateway => gateway.Metric).DistinctBy(gateway => (gateway.Address, gateway.Address.IsIPv6LinkLocal ? gateway.Link : null)).Take(MaxGateways)];
}
