using System.Security.Cryptography;

namespace DevP2P.Crypto;

/// <summary>AES in counter mode (NIST SP 800-38A): a key stream that goes on from call to call. Not safe for concurrent use.</summary>
internal sealed class AesCtr : IDisposable
{
    private readonly Aes _aes = Aes.Create();
    private readonly byte[] _counter = new byte[16];
    private readonly byte[] _keyStream = new byte[16];
    private int _used = 16;

    public AesCtr(ReadOnlySpan<byte> key, ReadOnlySpan<byte> initialCounter)
    {
        _aes.Key = key.ToArray();
        initialCounter.CopyTo(_counter);
    }

    /// <summary>Encrypts or decrypts in place.</summary>
    public void Process(Span<byte> data)
    {
        for (int i = 0; i < data.Length; i++)
        {
            if (_used == 16)
            {
                _aes.EncryptEcb(_counter, _keyStream, PaddingMode.None);
                for (int j = 15; j >= 0 && ++_counter[j] == 0; j--)
                {
                }

                _used = 0;
            }

            data[i] ^= _keyStream[_used++];
        }
    }

    public void Dispose() => _aes.Dispose();
}
