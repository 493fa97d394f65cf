using System.Buffers.Binary;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>
/// Nodes by the bytes of their records: the same records come again and again, and verifying one takes fifty times as long as finding
/// it here. Of fixed size. Not safe for concurrent calls.
/// </summary>
internal sealed class RecordCache(int places = RecordCache.DefaultPlaces)
{
    private const int DefaultPlaces = 2048;

    /// <summary>Where a record's signature is certain to have begun.</summary>
    private const int SignatureOffset = 5;

    private readonly Node?[] _nodes = new Node?[places];

    /// <summary>The node of a record that was verified before; null if it is not known.</summary>
    public Node? Find(ReadOnlySpan<byte> record) =>
        record.Length > SignatureOffset + sizeof(uint)
        && _nodes[GetPlace(record)] is { Record: { } known } node
        && known.Encoded.Span.SequenceEqual(record)
            ? node
            : null;

    /// <summary>Remembers the node of a record that is verified. Another one may have to go for it.</summary>
    public void Add(Node node) => _nodes[GetPlace(node.Record!.Encoded.Span)] = node;

    /// <summary>Some bytes of a signature, which are as good as random, and which nobody can choose freely.</summary>
    private uint GetPlace(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt32LittleEndian(record[SignatureOffset..]) % (uint)_nodes.Length;
}
