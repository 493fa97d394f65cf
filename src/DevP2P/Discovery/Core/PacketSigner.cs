namespace DevP2P.Discovery.Core;

/// <summary>Signs a 32-byte hash: 65 bytes, r || s || v.</summary>
internal delegate void PacketSigner(ReadOnlySpan<byte> hash, Span<byte> signature);
