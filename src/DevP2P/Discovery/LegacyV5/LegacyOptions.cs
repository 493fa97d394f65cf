using System.Runtime.CompilerServices;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>Makes a datagram of a packet and signs it.</summary>
/// <param name="packet">What to say.</param>
/// <param name="datagram">The bytes to send.</param>
/// <returns>The packet's hash, which answers refer to.</returns>
internal delegate PacketHash PacketEncoder(Packet packet, out ReadOnlyMemory<byte> datagram);

/// <summary>What a <see cref="LegacyDiscovery"/> is made of.</summary>
internal sealed record LegacyOptions
{
    /// <summary>Our own node. The machine takes its endpoint from it and tells it what others see.</summary>
    public required LocalNode Local { get; init; }

    /// <summary>Encodes packets and signs them with the key of <see cref="Local"/>.</summary>
    public required PacketEncoder Encode { get; init; }

    /// <summary>Chooses nodes, targets and times.</summary>
    public required RandomSource Random { get; init; }

    /// <summary>The operator's points of contact, host names resolved.</summary>
    public IReadOnlyList<Node> BootstrapNodes { get; init; } = [];

    /// <summary>If not null, nobody outside these networks is stored or heard.</summary>
    public NetList? NetRestrict { get; init; }

    /// <summary>Objects that stand for nodes already; null where there are none to share.</summary>
    public KnownNodes? KnownNodes { get; init; }

    /// <summary>Where outputs wait. Machines of one thread that are drained after each call may share it; null for one of its own.</summary>
    public Queue<Output>? Outputs { get; init; }

    /// <summary>Encodes packets as they are on the wire.</summary>
    public static PacketEncoder EncodeWith(PacketSigner sign) => [SkipLocalsInit] (Packet packet, out ReadOnlyMemory<byte> datagram) =>
    {
        Span<byte> buffer = stackalloc byte[Codec.MaxPacketSize];
        int length = Codec.Encode(packet, sign, buffer, out PacketHash hash);
        datagram = buffer[..length].ToArray();
        return hash;
    };

    /// <summary>Signs with a private key.</summary>
    public static PacketSigner SignWith(PrivateKey key) =>
        (hash, signature) => Secp256k1.Instance.SignRecoverable(hash, key.Bytes, signature);
}
