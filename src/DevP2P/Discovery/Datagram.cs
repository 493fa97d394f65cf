using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.V4;
using DevP2P.NetUtil;

namespace DevP2P.Discovery;

/// <summary>A datagram on its way from a socket to a machine.</summary>
internal sealed class Datagram
{
    /// <summary>The longest packet of either version.</summary>
    public const int MaxSize = Codec.MaxPacketSize;

    // One byte more than a packet may have shows that one is too long.
    public byte[] Buffer { get; } = new byte[MaxSize + 1];

    /// <summary>Where it came from.</summary>
    public CompactEndPoint From { get; set; }

    public int Length { get; set; }

    public Span<byte> Bytes => Buffer.AsSpan(0, Length);

    /// <summary>Whose it is.</summary>
    public ProtocolPump? Pump { get; set; }

    /// <summary>What it says, to its protocol; null until that has been read, and of v5.1.</summary>
    public object? Packet { get; set; }

    /// <summary>Who signed it; null until the signature has been recovered, and of v5.1.</summary>
    public PublicKey? Sender { get; set; }

    /// <summary>Where it came from; null until that is needed, and of v5.1.</summary>
    public IPEndPoint? EndPoint { get; set; }
}
