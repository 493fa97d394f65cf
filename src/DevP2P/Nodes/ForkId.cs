using System.Buffers.Binary;
using DevP2P.Rlp;

namespace DevP2P.Nodes;

/// <summary>Which chain a node serves and how far it is (EIP-2124): a checksum of the genesis block and the forks passed, and the next fork.</summary>
/// <param name="Hash">FORK_HASH: the CRC-32 of the genesis hash and the forks passed.</param>
/// <param name="Next">FORK_NEXT: the block number or timestamp of the next fork that is known, or 0.</param>
/// <remarks>Go: <c>forkid.ID</c>.</remarks>
public readonly record struct ForkId(uint Hash, ulong Next) : IRlpSerializable
{
    private const int HashSize = 4;

    /// <summary>Reads <c>[hash, next]</c>; what may follow in the list is ignored.</summary>
    /// <param name="reader">Goes on behind the list.</param>
    /// <param name="id">The fork id, or its default.</param>
    public static bool TryRead(ref RlpReader reader, out ForkId id)
    {
        Span<byte> hash = stackalloc byte[HashSize];
        bool ok = reader.TryReadList(out RlpReader list);
        ok = ok && list.TryReadBytes(hash);
        ulong next = 0;
        ok = ok && list.TryReadUInt64(out next);
        id = ok ? new ForkId(BinaryPrimitives.ReadUInt32BigEndian(hash), next) : default;
        return ok;
    }

    /// <summary>Writes <c>[hash, next]</c>.</summary>
    public void WriteTo(ref RlpWriter writer)
    {
        Span<byte> hash = stackalloc byte[HashSize];
        BinaryPrimitives.WriteUInt32BigEndian(hash, Hash);
        RlpListToken list = writer.StartList();
        writer.Write(hash);
        writer.Write(Next);
        writer.EndList(list);
    }

    /// <summary>The hash in eight hexadecimal digits and the next fork, such as <c>0xfc64ec04/1150000</c>.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"0x{Hash:x8}/{Next}");

    /// <summary>Reads the node record entry "eth", <c>[[hash, next], ...]</c> (enr-entries/eth.md).</summary>
    internal static bool TryReadEntry(ref RlpReader reader, out ForkId id)
    {
        id = default;
        return reader.TryReadList(out RlpReader entry) && TryRead(ref entry, out id);
    }
}
