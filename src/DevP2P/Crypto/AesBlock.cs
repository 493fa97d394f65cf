using System.Security.Cryptography;

namespace DevP2P.Crypto;

/// <summary>Single AES blocks under one key, for the RLPx frame MAC and discv5 header masking. Not safe for concurrent use.</summary>
internal sealed class AesBlock : IDisposable
{
    private readonly Aes _aes = Aes.Create();

    public AesBlock(ReadOnlySpan<byte> key) => _aes.Key = key.ToArray();

    /// <summary>Encrypts one 16-byte block; source and destination may be the same.</summary>
    public void Encrypt(ReadOnlySpan<byte> block, Span<byte> destination) => _aes.EncryptEcb(block, destination, PaddingMode.None);

    public void Dispose() => _aes.Dispose();
}
