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

    private readonly ulong _seed = SimulationRandom.Mix((ulong)(uint)options.Seed + 77);

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

    /// <summary>Decides a datagram's fate, by the seed, its sender and its number alone: whoever else sends what.</summary>
    /// <param name="source">Its sender.</param>
    /// <param name="number">The how-manieth of its sender it is.</param>
    /// <param name="target">Where it goes.</param>
    /// <returns>How long it takes, in ticks; null if it gets lost.</returns>
    public long? Send(int source, long number, int target)
    {
        ulong random = SimulationRandom.Mix(_seed ^ SimulationRandom.Mix(((ulong)(uint)source << 40) + (ulong)number));
        if (options.Loss > 0 && ToDouble(random) < options.Loss)
        {
            return null;
        }

        // The same in both directions, and computed instead of stored: there are as many pairs as nodes squared.
        ulong pair = ((ulong)Math.Min(source, target) << 32) | (uint)Math.Max(source, target);
        double place = ToDouble(SimulationRandom.Mix(pair ^ _seed));
        double ticks = options.MinLatency.Ticks + (place * (options.MaxLatency.Ticks - options.MinLatency.Ticks));
        return (long)(ticks * (1 + (0.1 * ToDouble(SimulationRandom.Mix(random)))));
    }

    /// <summary>At least 0 and less than 1.</summary>
    private static double ToDouble(ulong random) => (random >> 11) * (1.0 / (1UL << 53));
}
