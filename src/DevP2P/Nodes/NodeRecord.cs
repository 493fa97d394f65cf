using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;
using DevP2P.Crypto;
using DevP2P.Rlp;

namespace DevP2P.Nodes;

/// <summary>
/// A signed node record (ENR, EIP-778) of the identity scheme "v4": a node's key, and what it says about itself in entries
/// that are sorted by key. Every instance has been verified. Immutable; safe for concurrent use. Two are equal when their
/// bytes are.
/// </summary>
/// <remarks>
/// Entries that this library does not know are kept byte for byte. Keys are byte strings; here they are texts of the
/// characters U+0000 to U+00FF, one for each byte, which are ASCII in all known entries. A record is one array of at most
/// <see cref="MaxSize"/> bytes, and entries are looked up in it. Go: <c>enr.Record</c>.
/// </remarks>
public sealed class NodeRecord : IEquatable<NodeRecord>, IRlpSerializable
{
    /// <summary>The most bytes that a record takes, encoded (EIP-778).</summary>
    /// <remarks>Go: <c>enr.SizeLimit</c>.</remarks>
    public const int MaxSize = 300;

    internal const string TextPrefix = "enr:";

    private static readonly SearchValues<char> Base64Digits =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private readonly byte[] _encoded;

    /// <summary>Where the first key stands; the entries reach to the end.</summary>
    private readonly int _entries;

    private NodeRecord(byte[] encoded, in NodeRecordParts parts)
    {
        _encoded = encoded;
        _entries = parts.EntriesOffset;
        Sequence = parts.Sequence;
        PublicKey = parts.PublicKey;
    }

    /// <summary>The version of the record: of two records of one node, the one with the higher number is the newer.</summary>
    /// <remarks>Go: <c>Record.Seq</c>.</remarks>
    public ulong Sequence { get; }

    /// <summary>The key that signed the record (entry "secp256k1").</summary>
    public PublicKey PublicKey { get; }

    /// <summary>The node's id, the hash of its key.</summary>
    public NodeId NodeId => PublicKey.NodeId;

    /// <summary>The record as it is sent: RLP, at most <see cref="MaxSize"/> bytes.</summary>
    public ReadOnlyMemory<byte> Encoded => _encoded;

    /// <summary>The IPv4 address, or null when there is none or it does not have 4 bytes.</summary>
    public IPAddress? IPv4Address => GetAddress(NodeRecordKey.IPv4, 4);

    /// <summary>The IPv6 address, or null when there is none or it does not have 16 bytes.</summary>
    public IPAddress? IPv6Address => GetAddress(NodeRecordKey.IPv6, 16);

    /// <summary>The TCP port, or null when there is none or it is no port.</summary>
    public int? TcpPort => GetPort(NodeRecordKey.Tcp);

    /// <summary>The UDP port, or null when there is none or it is no port.</summary>
    public int? UdpPort => GetPort(NodeRecordKey.Udp);

    /// <summary>The TCP port for IPv6 where it differs from <see cref="TcpPort"/>, or null.</summary>
    public int? Tcp6Port => GetPort(NodeRecordKey.Tcp6);

    /// <summary>The UDP port for IPv6 where it differs from <see cref="UdpPort"/>, or null.</summary>
    public int? Udp6Port => GetPort(NodeRecordKey.Udp6);

    /// <summary>Where to connect to over IPv4, or null when address or port are missing or cannot be reached by anyone.</summary>
    public IPEndPoint? IPv4TcpEndPoint => EndPoint(IPv4Address, TcpPort);

    /// <summary>Where discovery packets go over IPv4, or null when address or port are missing or cannot be reached by anyone.</summary>
    public IPEndPoint? IPv4UdpEndPoint => EndPoint(IPv4Address, UdpPort);

    /// <summary>Where to connect to over IPv6, or null when address or port are missing or cannot be reached by anyone.</summary>
    public IPEndPoint? IPv6TcpEndPoint => EndPoint(IPv6Address, Tcp6Port ?? TcpPort);

    /// <summary>Where discovery packets go over IPv6, or null when address or port are missing or cannot be reached by anyone.</summary>
    public IPEndPoint? IPv6UdpEndPoint => EndPoint(IPv6Address, Udp6Port ?? UdpPort);

    /// <summary>The fork id of the chain that the node serves (entry "eth"), or null when there is none or it is malformed.</summary>
    public ForkId? ForkId => TryGetReader(NodeRecordKey.Eth, out RlpReader value) && Nodes.ForkId.TryReadEntry(ref value, out ForkId id) ? id : null;

    internal ReadOnlySpan<byte> EncodedEntries => _encoded.AsSpan(_entries);

    /// <summary>
    /// Reads a record and verifies it: canonical RLP of at most <see cref="MaxSize"/> bytes, keys sorted and unique, identity
    /// scheme "v4", a public key on the curve, its signature. Never throws; does not keep <paramref name="rlp"/>.
    /// </summary>
    /// <param name="rlp">The record and nothing else.</param>
    /// <param name="record">The record, or null.</param>
    /// <param name="error">Null, or what is wrong.</param>
    public static bool TryDecode(ReadOnlySpan<byte> rlp, [NotNullWhen(true)] out NodeRecord? record, [NotNullWhen(false)] out string? error) =>
        TryDecode(rlp, verifySignature: true, out record, out error);

    /// <summary>Reads a record as <see cref="TryDecode(ReadOnlySpan{byte}, out NodeRecord?, out string?)"/> does.</summary>
    /// <exception cref="FormatException">It is not a valid record; the message says why.</exception>
    public static NodeRecord Decode(ReadOnlySpan<byte> rlp) =>
        TryDecode(rlp, out NodeRecord? record, out string? error) ? record : throw new FormatException(error);

    /// <summary>
    /// Reads and verifies the text form: <c>enr:</c> and the record in base64 with the URL-safe alphabet, without padding and
    /// with nothing else around or in between. Never throws.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="record">The record, or null.</param>
    /// <param name="error">Null, or what is wrong.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out NodeRecord? record, [NotNullWhen(false)] out string? error)
    {
        record = null;
        ReadOnlySpan<char> digits = text;
        if (!digits.StartsWith(TextPrefix, StringComparison.Ordinal))
        {
            error = "a node record starts with \"enr:\"";
            return false;
        }

        digits = digits[TextPrefix.Length..];
        Span<byte> bytes = stackalloc byte[MaxSize + 3];
        if (digits.Length > Base64Url.GetEncodedLength(MaxSize))
        {
            error = TooBig(Base64Url.GetMaxDecodedLength(digits.Length));
            return false;
        }

        if (!TryDecodeBase64(digits, bytes, out int length))
        {
            error = "a node record is base64 with the letters A-Z, a-z, 0-9, - and _ behind \"enr:\", without padding; was it copied whole and unchanged?";
            return false;
        }

        return TryDecode(bytes[..length], out record, out error);
    }

    /// <summary>Reads and verifies the text form as <see cref="TryParse"/> does.</summary>
    /// <exception cref="FormatException">It is not a valid record; the message says why.</exception>
    public static NodeRecord Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out NodeRecord? record, out string? error) ? record : throw new FormatException(error);
    }

    /// <summary>Whether there is an entry of this key.</summary>
    public bool Contains(string key) => !GetRaw(key).IsEmpty;

    /// <summary>The value of an entry as one RLP item, header included; empty when there is no such entry.</summary>
    public ReadOnlySpan<byte> GetRaw(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var reader = new RlpReader(EncodedEntries);
        while (!reader.IsAtEnd)
        {
            reader.TryReadBytes(out ReadOnlySpan<byte> name);
            reader.TryReadRaw(out ReadOnlySpan<byte> value);
            if (IsSame(key, name))
            {
                return value;
            }
        }

        return default;
    }

    /// <summary>A reader of an entry's value; what it says is foreign input, so that its <c>Try</c> methods are the ones to use.</summary>
    /// <param name="key">The entry's key.</param>
    /// <param name="value">Reads the one item that the value is.</param>
    /// <returns>False when there is no such entry.</returns>
    /// <remarks>Go: <c>Record.Load</c>.</remarks>
    public bool TryGetReader(string key, out RlpReader value)
    {
        ReadOnlySpan<byte> raw = GetRaw(key);
        value = new RlpReader(raw);
        return !raw.IsEmpty;
    }

    /// <summary>All entries in the order of their keys, "id" and "secp256k1" included; each value is one RLP item.</summary>
    public IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> GetEntries()
    {
        var entries = new List<KeyValuePair<string, ReadOnlyMemory<byte>>>();
        var reader = new RlpReader(EncodedEntries);
        while (!reader.IsAtEnd)
        {
            reader.TryReadBytes(out ReadOnlySpan<byte> name);
            int start = _entries + reader.Consumed;
            reader.TrySkip();
            entries.Add(new(Encoding.Latin1.GetString(name), _encoded.AsMemory(start, _entries + reader.Consumed - start)));
        }

        return entries;
    }

    /// <summary>A builder with this record's entries and the next sequence number, for a changed version of it.</summary>
    public NodeRecordBuilder ToBuilder() => new(this);

    /// <inheritdoc/>
    public bool Equals(NodeRecord? other) => other is not null && _encoded.AsSpan().SequenceEqual(other._encoded);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NodeRecord);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(NodeId, Sequence);

    /// <summary>The text form, <c>enr:...</c>.</summary>
    public override string ToString() => TextPrefix + Base64Url.EncodeToString(_encoded);

    /// <summary>Writes the record as it is.</summary>
    public void WriteTo(ref RlpWriter writer) => writer.WriteRaw(_encoded);

    /// <summary>
    /// Reads a record; with <paramref name="verifySignature"/> false only for what this program verified before, such as
    /// records from its own database: everything but the signature is checked then.
    /// </summary>
    internal static bool TryDecode(
        ReadOnlySpan<byte> rlp, bool verifySignature, [NotNullWhen(true)] out NodeRecord? record, [NotNullWhen(false)] out string? error)
    {
        record = null;
        error = rlp.Length > MaxSize ? TooBig(rlp.Length) : NodeRecordParts.Read(rlp, verifySignature, out NodeRecordParts parts) ?? Make(rlp, parts, out record);
        return record is not null;

        static string? Make(ReadOnlySpan<byte> rlp, in NodeRecordParts parts, out NodeRecord record)
        {
            record = new NodeRecord(rlp.ToArray(), parts);
            return null;
        }
    }

    private static string TooBig(int length) => $"the record takes {length} bytes; the limit is {MaxSize}";

    /// <summary>Strict where <see cref="Base64Url"/> is lenient: no padding, no white space, no stray bits in the last digit.</summary>
    private static bool TryDecodeBase64(ReadOnlySpan<char> digits, Span<byte> bytes, out int length)
    {
        length = 0;
        if (digits.IndexOfAnyExcept(Base64Digits) >= 0 || digits.Length % 4 == 1
            || Base64Url.DecodeFromChars(digits, bytes, out _, out length) != OperationStatus.Done)
        {
            return false;
        }

        Span<char> again = stackalloc char[digits.Length];
        return Base64Url.TryEncodeToChars(bytes[..length], again, out int written) && again[..written].SequenceEqual(digits);
    }

    private static bool IsSame(string key, ReadOnlySpan<byte> name)
    {
        if (key.Length != name.Length)
        {
            return false;
        }

        for (int i = 0; i < name.Length; i++)
        {
            if (key[i] != name[i])
            {
                return false;
            }
        }

        return true;
    }

    private static IPEndPoint? EndPoint(IPAddress? address, int? port) =>
        address is null || port is null or 0 || !Node.IsReachable(address) || address.IsIPv4MappedToIPv6 ? null : new IPEndPoint(address, port.Value);

    private IPAddress? GetAddress(string key, int size) =>
        TryGetReader(key, out RlpReader value) && value.TryReadBytes(out ReadOnlySpan<byte> bytes) && bytes.Length == size ? new IPAddress(bytes) : null;

    private int? GetPort(string key) =>
        TryGetReader(key, out RlpReader value) && value.TryReadUInt16(out ushort port) ? port : null;
}
