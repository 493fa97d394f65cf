namespace DevP2P.Crypto;

/// <summary>Which implementation of secp256k1 this process uses. Chosen once, at first use.</summary>
public static class CryptoBackend
{
    /// <summary>The library's name: "libsecp256k1 (...)" or "BouncyCastle (managed)".</summary>
    public static string Name => Secp256k1.Instance.Name;
}
