using DevP2P.Rlp;

namespace DevP2P.Rlpx;

/// <summary>The "p2p" capability that is present on all connections (rlpx.md, "p2p" Capability).</summary>
internal static class BaseProtocol
{
    public const ulong HelloCode = 0x00;
    public const ulong DisconnectCode = 0x01;
    public const ulong PingCode = 0x02;
    public const ulong PongCode = 0x03;

    /// <summary>Message codes below this are the base protocol's; sub-protocols start here.</summary>
    public const ulong Length = 16;

    /// <summary>The payload of ping and pong: an empty list.</summary>
    public static ReadOnlyMemory<byte> EmptyList { get; } = new byte[] { 0xC0 };

    /// <summary>[reason].</summary>
    public static byte[] EncodeDisconnect(DisconnectReason reason) => RlpEncoding.Encode(new object[] { (ulong)reason });

    /// <summary>
    /// Reads a reason, in a list or bare: both occur in the wild. Anything that is not one byte is
    /// <see cref="DisconnectReason.Invalid"/> (T07), except that an empty list gives no reason: requested, as in Go 1.8.
    /// </summary>
    public static DisconnectReason DecodeDisconnect(ReadOnlySpan<byte> payload)
    {
        var reader = new RlpReader(payload);
        if (reader.TryPeekKind(out RlpKind kind) && kind == RlpKind.List)
        {
            if (!reader.TryReadList(out reader))
            {
                return DisconnectReason.Invalid;
            }

            if (reader.IsAtEnd)
            {
                return DisconnectReason.Requested;
            }
        }

        return reader.TryReadByte(out byte reason) ? (DisconnectReason)reason : DisconnectReason.Invalid;
    }
}
