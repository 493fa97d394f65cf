using DevP2P.Crypto;
using DevP2P.Rlp;

namespace DevP2P.Tests.Nodes;

/// <summary>Records as the builder would never make them.</summary>
internal static class TestRecords
{
    public const string VectorText =
        "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8";

    public const string VectorRlp =
        "f884b8407098ad865b00a582051940cb9cf36836572411a47278783077011599ed5cd16b76f2635f4e234738f30813a89eb9137e3e3df5266e3a1f11df72ecf1145ccb9c01826964827634826970847f00000189736563703235366b31a103ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd31388375647082765f";

    /// <summary>The key of the EIP-778 vector.</summary>
    public static PrivateKey Key { get; } = PrivateKey.ParseHex("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291");

    /// <summary>"id", then the entries, as they are given; with a valid signature.</summary>
    public static byte[] SignRaw(ulong sequence, params (string Key, object? Value)[] entries) => Encode(content =>
        RlpEncoding.Encode(content), new object[] { sequence }.Concat(entries.SelectMany(entry => new[] { entry.Key, entry.Value! })));

    /// <summary>Signs any items that stand behind the signature.</summary>
    public static byte[] SignItems(params object?[] items) => Encode(content => RlpEncoding.Encode(content), items!);

    public static byte[] CompressedKey => Key.PublicKey.ToCompressed();

    public static byte[] WithSignature(byte[] record, byte[] signature)
    {
        RlpReader list = new RlpReader(record).ReadList();
        list.Skip();
        var writer = new RlpWriter(400);
        RlpListToken token = writer.StartList();
        writer.Write(signature);
        writer.WriteRaw(list.Remaining);
        writer.EndList(token);
        byte[] result = writer.ToArray();
        writer.Dispose();
        return result;
    }

    private static byte[] Encode(Func<object, byte[]> encode, IEnumerable<object> content)
    {
        object[] items = [.. content];
        byte[] hash = new byte[32];
        Keccak256.Hash(encode(items), hash);
        byte[] signature = new byte[65];
        Secp256k1.Instance.SignRecoverable(hash, Key.Bytes, signature);
        return encode(items.Prepend(signature[..64]));
    }
}
