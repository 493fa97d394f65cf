using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;
using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Rlp;

namespace DevP2P.Nodes;

/// <summary>Collects the entries of a node record and signs it. Not safe for concurrent use.</summary>
/// <remarks>Go: <c>enr.Record</c> before it is signed, and <c>enode.SignV4</c>.</remarks>
/// <example>
/// <code>
/// NodeRecord record = new NodeRecordBuilder { Sequence = 1 }
///     .SetAddress(IPAddress.Parse("127.0.0.1"))
///     .SetUdpPort(30303)
///     .Set("snap", Array.Empty&lt;object&gt;())
///     .Sign(key);
/// </code>
/// </example>
public sealed class NodeRecordBuilder
{
    // One character for each byte, so that ordinal order is the order of the bytes.
    private readonly SortedDictionary<string, byte[]> _entries = new(StringComparer.Ordinal);

    /// <summary>Makes a builder without entries, with sequence number 0.</summary>
    public NodeRecordBuilder()
    {
    }

    internal NodeRecordBuilder(NodeRecord record)
    {
        Sequence = record.Sequence == ulong.MaxValue ? ulong.MaxValue : record.Sequence + 1;
        foreach ((string key, ReadOnlyMemory<byte> value) in record.GetEntries())
        {
            _entries[key] = value.ToArray();
        }
    }

    /// <summary>The sequence number that the record will have.</summary>
    public ulong Sequence { get; set; }

    /// <summary>Sets "ip" or "ip6", whichever suits the address; an IPv4 address inside IPv6 counts as IPv4.</summary>
    public NodeRecordBuilder SetAddress(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        byte[] bytes = AddressRules.Unmap(address).GetAddressBytes();
        return Set(bytes.Length == 4 ? NodeRecordKey.IPv4 : NodeRecordKey.IPv6, bytes);
    }

    /// <summary>Sets "tcp".</summary>
    /// <exception cref="ArgumentOutOfRangeException">The port is not in 0 to 65535.</exception>
    public NodeRecordBuilder SetTcpPort(int port) => SetPort(NodeRecordKey.Tcp, port);

    /// <summary>Sets "udp".</summary>
    /// <exception cref="ArgumentOutOfRangeException">The port is not in 0 to 65535.</exception>
    public NodeRecordBuilder SetUdpPort(int port) => SetPort(NodeRecordKey.Udp, port);

    /// <summary>Sets "tcp6"; not needed when the port is the same as for IPv4.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The port is not in 0 to 65535.</exception>
    public NodeRecordBuilder SetTcp6Port(int port) => SetPort(NodeRecordKey.Tcp6, port);

    /// <summary>Sets "udp6"; not needed when the port is the same as for IPv4.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The port is not in 0 to 65535.</exception>
    public NodeRecordBuilder SetUdp6Port(int port) => SetPort(NodeRecordKey.Udp6, port);

    /// <summary>Sets "eth".</summary>
    public NodeRecordBuilder SetForkId(ForkId forkId) => Set(NodeRecordKey.Eth, new object[] { forkId });

    /// <summary>Sets an entry, in place of the one that has the same key.</summary>
    /// <param name="key">The key: characters up to U+00FF, each of which is one byte; best plain ASCII.</param>
    /// <param name="value">What <see cref="RlpWriter.WriteItem"/> takes: an <see cref="IRlpSerializable"/>, an unsigned number, text, bytes or a sequence of these.</param>
    /// <exception cref="ArgumentException">
    /// The key or the value cannot be encoded, the value does not suit an entry that the specification defines, or the entry
    /// is one that signing sets ("id", "secp256k1").
    /// </exception>
    /// <remarks>Go: <c>Record.Set</c>, <c>enr.WithEntry</c>.</remarks>
    public NodeRecordBuilder Set(string key, object? value) => SetRaw(key, RlpEncoding.Encode(value));

    /// <summary>Sets an entry whose value is encoded already.</summary>
    /// <param name="key">The key: characters up to U+00FF, each of which is one byte; best plain ASCII.</param>
    /// <param name="rlp">Exactly one RLP item.</param>
    /// <exception cref="ArgumentException">As for <see cref="Set"/>, or <paramref name="rlp"/> is not one canonical RLP item.</exception>
    public NodeRecordBuilder SetRaw(string key, ReadOnlySpan<byte> rlp)
    {
        CheckKey(key);
        if (CheckValue(key, rlp) is { } error)
        {
            throw new ArgumentException(error, nameof(rlp));
        }

        _entries[key] = rlp.ToArray();
        return this;
    }

    /// <summary>Removes an entry; that it is not there is no error.</summary>
    /// <exception cref="ArgumentException">The entry is one that signing sets ("id", "secp256k1").</exception>
    public NodeRecordBuilder Remove(string key)
    {
        CheckKey(key);
        _entries.Remove(key);
        return this;
    }

    /// <summary>Adds the entries "id" and "secp256k1" and signs. The builder can be used on.</summary>
    /// <exception cref="InvalidOperationException">The record would take more than <see cref="NodeRecord.MaxSize"/> bytes.</exception>
    /// <remarks>Go: <c>enode.SignV4</c>.</remarks>
    public NodeRecord Sign(PrivateKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var content = new RlpWriter(stackalloc byte[2 * NodeRecord.MaxSize]);
        var record = new RlpWriter(stackalloc byte[2 * NodeRecord.MaxSize]);
        try
        {
            content.Write(Sequence);
            WriteEntries(key.PublicKey, ref content);
            Span<byte> signature = stackalloc byte[Secp256k1.RecoverableSignatureSize];
            Span<byte> hash = stackalloc byte[Keccak256.DigestSize];
            NodeRecordParts.HashContent(content.Written, hash);
            Secp256k1.Instance.SignRecoverable(hash, key.Bytes, signature);
            RlpListToken list = record.StartList();
            record.Write(signature[..Secp256k1.SignatureSize]);
            record.WriteRaw(content.Written);
            record.EndList(list);
            // What was just signed need not be verified, but it must be what others accept.
            return NodeRecord.TryDecode(record.Written, verifySignature: false, out NodeRecord? result, out string? error)
                ? result
                : throw new InvalidOperationException(error);
        }
        finally
        {
            content.Dispose();
            record.Dispose();
        }
    }

    /// <summary>Whether a record of this node has exactly these entries.</summary>
    internal bool HasEntriesOf(NodeRecord record)
    {
        var writer = new RlpWriter(stackalloc byte[2 * NodeRecord.MaxSize]);
        try
        {
            WriteEntries(record.PublicKey, ref writer);
            return writer.Written.SequenceEqual(record.EncodedEntries);
        }
        finally
        {
            writer.Dispose();
        }
    }

    internal bool TryGetRaw(string key, [NotNullWhen(true)] out byte[]? rlp) => _entries.TryGetValue(key, out rlp);

    /// <summary>
    /// The bytes that the record takes at most, whatever its sequence number will be, with room for <paramref name="reserved"/>
    /// more bytes of entries and without the entries that <paramref name="except"/> lists.
    /// </summary>
    internal int GetMaxLength(int reserved, ReadOnlySpan<string> except)
    {
        int length = RlpEncoding.MaxUInt64Length + EntryLength(NodeRecordKey.IdentityScheme, 1 + NodeRecordParts.SchemeV4.Length)
            + EntryLength(NodeRecordKey.PublicKey, 1 + NodeRecordParts.CompressedKeySize) + 2 + Secp256k1.SignatureSize + reserved;
        foreach ((string key, byte[] value) in _entries)
        {
            length += except.Contains(key) || IsSetBySigning(key) ? 0 : EntryLength(key, value.Length);
        }

        return RlpEncoding.GetListLength(length);
    }

    internal static int EntryLength(string key, int valueLength) =>
        valueLength + RlpEncoding.GetLength(Encoding.Latin1.GetBytes(key));

    private static bool IsSetBySigning(string key) => key is NodeRecordKey.IdentityScheme or NodeRecordKey.PublicKey;

    private static void CheckKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.AsSpan().ContainsAnyExceptInRange('\0', '\xFF'))
        {
            throw new ArgumentException("the key of an entry has one character for each byte, up to U+00FF", nameof(key));
        }

        if (IsSetBySigning(key))
        {
            throw new ArgumentException($"the entry \"{key}\" is set by signing", nameof(key));
        }
    }

    /// <summary>Entries that the specification defines must be what it says; null when nothing speaks against a value.</summary>
    private static string? CheckValue(string key, ReadOnlySpan<byte> rlp)
    {
        if (!RlpEncoding.IsWellFormed(rlp, out RlpError error))
        {
            return $"the value of the entry {EnodeUrl.Quote(key)} is not one canonical RLP item ({error})";
        }

        var reader = new RlpReader(rlp);
        return key switch
        {
            NodeRecordKey.IPv4 => reader.TryReadBytes(stackalloc byte[4]) ? null : "the entry \"ip\" is an IPv4 address in 4 bytes",
            NodeRecordKey.IPv6 => reader.TryReadBytes(stackalloc byte[16]) ? null : "the entry \"ip6\" is an IPv6 address in 16 bytes",
            NodeRecordKey.Tcp or NodeRecordKey.Udp or NodeRecordKey.Tcp6 or NodeRecordKey.Udp6 =>
                reader.TryReadUInt16(out _) ? null : $"the entry \"{key}\" is a port from 0 to 65535",
            NodeRecordKey.Eth => ForkId.TryReadEntry(ref reader, out _) ? null : "the entry \"eth\" is a list whose first element is a fork id (EIP-2124)",
            _ => null,
        };
    }

    private NodeRecordBuilder SetPort(string key, int port)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(port, IPEndPoint.MinPort);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        return Set(key, port);
    }

    private void WriteEntries(PublicKey publicKey, ref RlpWriter writer)
    {
        _entries[NodeRecordKey.IdentityScheme] = RlpEncoding.Encode(NodeRecordParts.SchemeV4);
        _entries[NodeRecordKey.PublicKey] = RlpEncoding.Encode(publicKey.ToCompressed());
        foreach ((string key, byte[] value) in _entries)
        {
            writer.Write(Encoding.Latin1.GetBytes(key));
            writer.WriteRaw(value);
        }
    }
}
