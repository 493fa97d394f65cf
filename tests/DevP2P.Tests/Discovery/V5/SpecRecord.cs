using static Discv5Spec.SpecException;

namespace Discv5Spec;

/// <summary>A node record (ENR) of the "v4" identity scheme whose signature is right.</summary>
/// <param name="Encoding">Its bytes.</param>
/// <param name="Sequence">Its sequence number.</param>
/// <param name="PublicKey">33 bytes.</param>
/// <param name="NodeId">32 bytes.</param>
/// <param name="Pairs">All keys (each byte a character) and their values as RLP.</param>
internal sealed record SpecRecord(
    byte[] Encoding, ulong Sequence, byte[] PublicKey, byte[] NodeId, IReadOnlyList<KeyValuePair<string, SpecRlp>> Pairs)
{
    private const int MaxSize = 300;

    public static SpecResult<SpecRecord> Decode(byte[] encoding) => SpecResult<SpecRecord>.Of(() => Read(encoding));

    /// <summary>Reads the textual form.</summary>
    public static SpecResult<SpecRecord> Parse(string text)
    {
        string base64 = text["enr:".Length..].Replace('-', '+').Replace('_', '/');
        return Decode(Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '=')));
    }

    /// <summary>The bytes of a value; null if the key is not there.</summary>
    public byte[]? Find(string key) => Pairs.FirstOrDefault(p => p.Key == key).Value?.Content;

    internal static SpecRecord Read(byte[] encoding)
    {
        Require(encoding.Length <= MaxSize, SpecError.RecordTooLong);
        SpecRlp[] items = SpecRlp.Decode(encoding).AsList;
        Require(items.Length >= 2, SpecError.RlpElementCount);
        byte[] signature = items[0].AsBytes;
        ulong sequence = items[1].AsInteger();
        KeyValuePair<string, SpecRlp>[] pairs = ReadPairs(items[2..]);

        byte[]? Find(string key) => pairs.FirstOrDefault(p => p.Key == key).Value?.AsBytes;
        Require(Find("id") is { } scheme && ToText(scheme) == "v4", SpecError.RecordIdentityScheme);
        byte[] publicKey = Find("secp256k1") ?? throw new SpecException(SpecError.RecordPublicKey);
        var point = SpecCrypto.DecodePoint(publicKey) ?? throw new SpecException(SpecError.RecordPublicKey);

        byte[] content = SpecRlp.EncodeList(items[1..].Select(static i => i.Encoding));
        Require(SpecCrypto.Verify(point, SpecCrypto.Keccak256(content), signature), SpecError.RecordSignature);
        return new SpecRecord(encoding, sequence, publicKey, SpecCrypto.NodeIdOf(point), pairs);
    }

    private static KeyValuePair<string, SpecRlp>[] ReadPairs(SpecRlp[] items)
    {
        Require(items.Length % 2 == 0, SpecError.RecordKeyWithoutValue);
        var pairs = new KeyValuePair<string, SpecRlp>[items.Length / 2];
        for (int i = 0; i < pairs.Length; i++)
        {
            pairs[i] = new(ToText(items[2 * i].AsBytes), items[(2 * i) + 1]);
            int order = i == 0 ? -1 : string.CompareOrdinal(pairs[i - 1].Key, pairs[i].Key);
            Require(order != 0, SpecError.RecordKeyRepeated);
            Require(order < 0, SpecError.RecordKeysNotSorted);
        }

        return pairs;
    }

    /// <summary>Keys may be any bytes; Latin-1 keeps them apart and in order.</summary>
    private static string ToText(byte[] bytes) => System.Text.Encoding.Latin1.GetString(bytes);
}
