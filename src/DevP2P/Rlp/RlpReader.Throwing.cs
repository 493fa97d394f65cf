using System.Numerics;

namespace DevP2P.Rlp;

// The throwing twins: each reads as the Try method of its name does. For code that trusts its input, or whose caller turns
// RlpException into the right end of a connection.
public ref partial struct RlpReader
{
    /// <summary>Says what the next item is, without reading it.</summary>
    /// <exception cref="RlpException">There is no valid item.</exception>
    public RlpKind PeekKind() => Check(TryPeekKind(out RlpKind kind)) ? kind : default;

    /// <summary>Reads a list: the result reads its items, this reader goes on behind it.</summary>
    /// <exception cref="RlpException">The next item is not a valid list.</exception>
    public RlpReader ReadList()
    {
        Check(TryReadList(out RlpReader content));
        return content;
    }

    /// <summary>Reads a string of any length; the result is a part of the input, not a copy.</summary>
    /// <exception cref="RlpException">The next item is not a valid string.</exception>
    public ReadOnlySpan<byte> ReadBytes()
    {
        Check(TryReadBytes(out ReadOnlySpan<byte> bytes));
        return bytes;
    }

    /// <summary>Reads a string that must fill <paramref name="exact"/> exactly.</summary>
    /// <exception cref="RlpException">The next item is not a valid string of that length.</exception>
    public void ReadBytes(scoped Span<byte> exact) => Check(TryReadBytes(exact));

    /// <summary>Reads text in UTF-8; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <exception cref="RlpException">The next item is not a valid string.</exception>
    public string ReadString() => Check(TryReadString(out string value)) ? value : string.Empty;

    /// <summary>Reads an unsigned integer of up to 64 bits.</summary>
    /// <exception cref="RlpException">The next item is not a canonical integer of that size.</exception>
    public ulong ReadUInt64() => Check(TryReadUInt64(out ulong value)) ? value : default;

    /// <summary>Reads an unsigned integer of up to 32 bits.</summary>
    /// <exception cref="RlpException">The next item is not a canonical integer of that size.</exception>
    public uint ReadUInt32() => Check(TryReadUInt32(out uint value)) ? value : default;

    /// <summary>Reads an unsigned integer of up to 16 bits.</summary>
    /// <exception cref="RlpException">The next item is not a canonical integer of that size.</exception>
    public ushort ReadUInt16() => Check(TryReadUInt16(out ushort value)) ? value : default;

    /// <summary>Reads an unsigned integer of up to 8 bits.</summary>
    /// <exception cref="RlpException">The next item is not a canonical integer of that size.</exception>
    public byte ReadByte() => Check(TryReadByte(out byte value)) ? value : default;

    /// <summary>Reads 0 or 1.</summary>
    /// <exception cref="RlpException">The next item is neither.</exception>
    public bool ReadBoolean() => Check(TryReadBoolean(out bool value)) && value;

    /// <summary>Reads the big-endian bytes of an unsigned integer, none for 0; they are a part of the input.</summary>
    /// <exception cref="RlpException">The next item is not a canonical integer of at most <paramref name="maxBytes"/> bytes.</exception>
    public ReadOnlySpan<byte> ReadInteger(int maxBytes)
    {
        Check(TryReadInteger(maxBytes, out ReadOnlySpan<byte> bigEndian));
        return bigEndian;
    }

    /// <summary>Reads an unsigned integer of up to <paramref name="maxBytes"/> bytes.</summary>
    /// <exception cref="RlpException">The next item is not a canonical integer of at most <paramref name="maxBytes"/> bytes.</exception>
    public BigInteger ReadBigInteger(int maxBytes) =>
        Check(TryReadBigInteger(maxBytes, out BigInteger value)) ? value : default;

    /// <summary>Reads one item of any kind, header included. The inside of a list is not checked.</summary>
    /// <exception cref="RlpException">There is no valid item.</exception>
    public ReadOnlySpan<byte> ReadRaw()
    {
        Check(TryReadRaw(out ReadOnlySpan<byte> item));
        return item;
    }

    /// <summary>Passes over one item of any kind. The inside of a list is not checked.</summary>
    /// <exception cref="RlpException">There is no valid item.</exception>
    public void Skip() => Check(TrySkip());

    /// <summary>Passes over all items that are left and checks that each is RLP, the inside of lists excepted.</summary>
    /// <exception cref="RlpException">One of them is not.</exception>
    public void SkipRest() => Check(TrySkipRest());

    /// <summary>Demands that nothing is left to read.</summary>
    /// <exception cref="RlpException">Something is.</exception>
    public void ReadEnd() => Check(TryReadEnd());

    /// <summary>Counts the items that are left without reading them.</summary>
    /// <exception cref="RlpException">There are more than <paramref name="max"/>, or one is not RLP.</exception>
    public int CountItems(int max = RlpEncoding.MaxListItems) => Check(TryCountItems(max, out int count)) ? count : default;

    private readonly bool Check(bool ok)
    {
        if (!ok)
        {
            RlpException.Throw(_error);
        }

        return ok;
    }
}
