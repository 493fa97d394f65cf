using System.Text;
using DevP2P.Crypto;
using DevP2P.Rlp;

namespace DevP2P.Nodes;

/// <summary>What a node record consists of: <c>[signature, sequence, key, value, key, value, ...]</c> (EIP-778, "RLP Encoding").</summary>
internal readonly struct NodeRecordParts
{
    internal const string SchemeV4 = "v4";
    internal const int CompressedKeySize = 33;

    private NodeRecordParts(PublicKey publicKey, ulong sequence, int entriesOffset)
    {
        PublicKey = publicKey;
        Sequence = sequence;
        EntriesOffset = entriesOffset;
    }

    public PublicKey PublicKey { get; }

    public ulong Sequence { get; }

    /// <summary>Where the first key stands; the entries reach to the end.</summary>
    public int EntriesOffset { get; }

    /// <summary>Takes a record apart and checks it, the cheapest checks first. The caller has checked its size.</summary>
    /// <returns>Null, or what is wrong.</returns>
    public static string? Read(ReadOnlySpan<byte> rlp, bool verifySignature, out NodeRecordParts parts)
    {
        parts = default;
        // Also looks into values that are lists, which nobody may ever read: a record is passed on as it is (T13).
        if (!RlpEncoding.IsWellFormed(rlp, out RlpError error))
        {
            return $"the record is not canonical RLP ({error})";
        }

        var outer = new RlpReader(rlp);
        if (!outer.TryReadList(out RlpReader list))
        {
            return "a record is an RLP list, not a string";
        }

        if (!list.TryReadBytes(out ReadOnlySpan<byte> signature))
        {
            return Incomplete(list, "signature");
        }

        int contentOffset = rlp.Length - list.Remaining.Length;
        if (!list.TryReadUInt64(out ulong sequence))
        {
            return Incomplete(list, "sequence number");
        }

        int entriesOffset = rlp.Length - list.Remaining.Length;
        string? problem = ReadEntries(ref list, out ReadOnlySpan<byte> scheme, out ReadOnlySpan<byte> compressedKey);
        if (problem is not null)
        {
            return problem;
        }

        problem = CheckIdentity(scheme, compressedKey, signature, out PublicKey? key);
        if (problem is not null)
        {
            return problem;
        }

        parts = new NodeRecordParts(key!, sequence, entriesOffset);
        return !verifySignature || Verify(rlp[contentOffset..], signature, key!) ? null : "invalid signature on node record";
    }

    /// <summary>The hash that is signed: of the list of everything but the signature.</summary>
    /// <param name="content">The sequence number and the entries, without a header.</param>
    /// <param name="hash">32 bytes.</param>
    public static void HashContent(ReadOnlySpan<byte> content, Span<byte> hash)
    {
        Span<byte> header = stackalloc byte[RlpEncoding.MaxUInt64Length];
        int length = RlpHeader.Write(header, RlpHeader.ListOffset, content.Length);
        Keccak256.Hash(header[..length], content, hash);
    }

    private static bool Verify(ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature, PublicKey key)
    {
        Span<byte> hash = stackalloc byte[Keccak256.DigestSize];
        HashContent(content, hash);
        return Secp256k1.Instance.Verify(hash, signature, key.Bytes);
    }

    private static string Incomplete(in RlpReader list, string what) => list.Error == RlpError.EndOfList
        ? $"the record has no {what}"
        : $"the record's {what} is malformed ({list.Error})";

    private static string? ReadEntries(ref RlpReader list, out ReadOnlySpan<byte> scheme, out ReadOnlySpan<byte> compressedKey)
    {
        scheme = compressedKey = default;
        ReadOnlySpan<byte> previous = default;
        bool isFirst = true;
        while (!list.IsAtEnd)
        {
            if (!list.TryReadBytes(out ReadOnlySpan<byte> key))
            {
                return "a key of the record is a list, not a string";
            }

            if (!list.TryReadRaw(out ReadOnlySpan<byte> value))
            {
                return "the record's last key has no value";
            }

            int order = isFirst ? -1 : previous.SequenceCompareTo(key);
            if (order >= 0)
            {
                return order == 0 ? "the record contains a key twice" : "the record's keys are not sorted";
            }

            if (key.SequenceEqual("id"u8))
            {
                scheme = value;
            }
            else if (key.SequenceEqual("secp256k1"u8))
            {
                compressedKey = value;
            }

            previous = key;
            isFirst = false;
        }

        return null;
    }

    private static string? CheckIdentity(ReadOnlySpan<byte> scheme, ReadOnlySpan<byte> compressedKey, ReadOnlySpan<byte> signature, out PublicKey? key)
    {
        key = null;
        if (scheme.IsEmpty)
        {
            return "the record names no identity scheme (entry \"id\")";
        }

        var reader = new RlpReader(scheme);
        if (!reader.TryReadBytes(out ReadOnlySpan<byte> name) || !name.SequenceEqual("v4"u8))
        {
            return $"the record's identity scheme {EnodeUrl.Quote(Encoding.Latin1.GetString(name))} is unknown; only \"{SchemeV4}\" is supported";
        }

        if (compressedKey.IsEmpty)
        {
            return "the record has no public key (entry \"secp256k1\")";
        }

        // T08: off the curve or out of range is refused here, before anything is computed with it.
        reader = new RlpReader(compressedKey);
        if (!reader.TryReadBytes(out ReadOnlySpan<byte> point) || point.Length != CompressedKeySize || !PublicKey.TryParse(point, out key))
        {
            return "the record's public key is not a compressed point of the curve secp256k1";
        }

        return signature.Length == Secp256k1.SignatureSize
            ? null
            : $"the record's signature has {signature.Length} bytes; want {Secp256k1.SignatureSize}";
    }
}
