using System.Buffers.Binary;
using System.Net;
using DevP2P.NetUtil;

namespace DevP2P.Testing.Discovery;

/// <summary>Where nodes are, and what becomes of datagrams between them. Nothing here touches a real network.</summary>
internal sealed class Wire(DiscoverySimulationOptions options)
{
    /// <summary>20.0.0.0: from here on there are enough addresses that may be anybody's, so that all rules for public ones apply.</summary>
    private const uint FirstNetwork = 20u << 16;

    private const int Port = 30303;

    private readonly SimulationRandom _random = new(options.Seed, -2);

    public long Sent { get; private set; }

    public long Lost { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>A node's endpoint: in a /24 of its own, so that the limits per network (T01) let all honest nodes be.</summary>
    public static IPEndPoint GetEndPoint(int node)
    {
        Span<byte> address = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(address, ((FirstNetwork + (uint)node) << 8) | 7);
        return new IPEndPoint(new IPAddress(address), Port);
    }

    /// <summary>The node at an endpoint; -1 or a number that no node has if there is none.</summary>
    public static int GetNode(IPEndPoint endPoint) => GetNode(endPoint.Address, endPoint.Port);

    /// <summary>The node at an address and a port, as for <see cref="GetNode(IPEndPoint)"/>.</summary>
    public static int GetNode(IPAddress address, int port)
    {
        Span<byte> bytes = stackalloc byte[4];
        return port == Port && address.TryWriteBytes(bytes, out int length) && length == 4
            ? (int)((BinaryPrimitives.ReadUInt32BigEndian(bytes) >> 8) - FirstNetwork)
            : -1;
    }

    /// <summary>The node at an endpoint, as for <see cref="GetNode(IPEndPoint)"/>.</summary>
    public static int GetNode(in CompactEndPoint endPoint) =>
        endPoint.Port == Port && endPoint.IsIPv4 ? (int)(((uint)endPoint.Address >> 8) - FirstNetwork) : -1;

    /// <summary>Counts a datagram and decides its fate.</summary>
    /// <returns>How long it takes; null if it gets lost.</returns>
    public TimeSpan? Send(int source, int target, int length)
    {
        Sent++;
        Bytes += length;
        if (options.Loss > 0 && _random.NextDouble() < options.Loss)
        {
            Lost++;
            return null;
        }

        // The same in both directions, and computed instead of stored: there are as many pairs as nodes squared.
        ulong pair = ((ulong)Math.Min(source, target) << 32) | (uint)Math.Max(source, target);
        double place = (SimulationRandom.Mix(pair ^ SimulationRandom.Mix((ulong)(uint)options.Seed + 77)) >> 11) * (1.0 / (1UL << 53));
        double ticks = options.MinLatency.Ticks + (place * (options.MaxLatency.Ticks - options.MinLatency.Ticks));
        return TimeSpan.FromTicks((long)(ticks * (1 + (0.1 * _random.NextDouble()))));
    }
}
