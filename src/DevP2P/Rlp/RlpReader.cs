using System.Numerics;
using System.Text;

namespace DevP2P.Rlp;

/// <summary>
/// Reads RLP items one after another out of a span, without allocating. Only canonical RLP is accepted.
/// </summary>
/// <remarks>
/// <para>
/// Two ways to use it. The <c>Try...</c> methods are for hostile input: they never throw, and <b>failure sticks</b>: after the
/// first error every further call returns false and <see cref="Error"/> keeps saying what was wrong, so that a decoder may
/// read all its fields and check once. The methods without <c>Try</c> throw <see cref="RlpException"/> instead.
/// </para>
/// <para>
/// A list is read through a reader of its own (<see cref="TryReadList"/>); what goes wrong inside does not show in the outer
/// reader. Items of a list that are not read are ignored, as EIP-8 wants it; <see cref="TrySkipRest"/> also checks that they are
/// RLP, and <see cref="TryReadEnd"/> that there are none. Nothing is looked at before it is read, so neither deep nesting nor
/// huge declared sizes cost anything.
/// </para>
/// <para>It is a mutable struct: pass it by <c>ref</c>. Go: <c>rlp.Stream</c>.</para>
/// </remarks>
public ref partial struct RlpReader
{
    private readonly ReadOnlySpan<byte> _data;
    private readonly int _depth;
    private int _position;
    private RlpError _error;

    /// <summary>Makes a reader of the items that <paramref name="data"/> consists of.</summary>
    public RlpReader(ReadOnlySpan<byte> data) => _data = data;

    private RlpReader(ReadOnlySpan<byte> data, int depth, RlpError error)
    {
        _data = data;
        _depth = depth;
        _error = error;
    }

    /// <summary>
    /// Whether there is nothing more to read: the end of the list or input has been reached, or an error has occurred (so
    /// that a loop over the items always ends).
    /// </summary>
    public readonly bool IsAtEnd => _position == _data.Length || HasError;

    /// <summary>The first error, or <see cref="RlpError.None"/>.</summary>
    public readonly RlpError Error => _error;

    /// <summary>Whether a read has failed.</summary>
    public readonly bool HasError => _error != RlpError.None;

    /// <summary>How many bytes have been read.</summary>
    public readonly int Consumed => _position;

    /// <summary>The bytes that have not been read yet.</summary>
    public readonly ReadOnlySpan<byte> Remaining => _data[_position..];

    /// <summary>Says what the next item is, without reading it.</summary>
    public bool TryPeekKind(out RlpKind kind) => TryReadHeader(out kind, out _, out _);

    /// <summary>Reads a list: <paramref name="content"/> reads its items, this reader goes on behind it.</summary>
    public bool TryReadList(out RlpReader content)
    {
        if (TryReadItem(RlpKind.List, out ReadOnlySpan<byte> bytes))
        {
            if (_depth < RlpEncoding.MaxDepth)
            {
                content = new RlpReader(bytes, _depth + 1, RlpError.None);
                return true;
            }

            Fail(RlpError.TooDeep);
        }

        // Reading from it fails with the same error.
        content = new RlpReader(default, _depth, _error);
        return false;
    }

    /// <summary>Reads a string of any length; <paramref name="bytes"/> is a part of the input, not a copy.</summary>
    public bool TryReadBytes(out ReadOnlySpan<byte> bytes) => TryReadItem(RlpKind.String, out bytes);

    /// <summary>Reads a string that must fill <paramref name="exact"/> exactly.</summary>
    public bool TryReadBytes(scoped Span<byte> exact)
    {
        if (!TryReadItem(RlpKind.String, out ReadOnlySpan<byte> bytes))
        {
            return false;
        }

        if (bytes.Length != exact.Length)
        {
            return Fail(RlpError.WrongLength);
        }

        bytes.CopyTo(exact);
        return true;
    }

    /// <summary>Reads text in UTF-8. As in Go, bytes that are not UTF-8 are no error; they become U+FFFD.</summary>
    public bool TryReadString(out string value)
    {
        bool ok = TryReadItem(RlpKind.String, out ReadOnlySpan<byte> bytes);
        value = ok ? Encoding.UTF8.GetString(bytes) : string.Empty;
        return ok;
    }

    /// <summary>Reads an unsigned integer of up to 64 bits without leading zeros.</summary>
    public bool TryReadUInt64(out ulong value) => TryReadSmallInteger(sizeof(ulong), out value);

    /// <summary>Reads an unsigned integer of up to 32 bits without leading zeros.</summary>
    public bool TryReadUInt32(out uint value)
    {
        bool ok = TryReadSmallInteger(sizeof(uint), out ulong number);
        value = (uint)number;
        return ok;
    }

    /// <summary>Reads an unsigned integer of up to 16 bits without leading zeros.</summary>
    public bool TryReadUInt16(out ushort value)
    {
        bool ok = TryReadSmallInteger(sizeof(ushort), out ulong number);
        value = (ushort)number;
        return ok;
    }

    /// <summary>Reads an unsigned integer of up to 8 bits; 0 is the empty string, a zero byte is an error.</summary>
    public bool TryReadByte(out byte value)
    {
        bool ok = TryReadSmallInteger(sizeof(byte), out ulong number);
        value = (byte)number;
        return ok;
    }

    /// <summary>Reads 0 or 1.</summary>
    public bool TryReadBoolean(out bool value)
    {
        bool ok = TryReadSmallInteger(sizeof(byte), out ulong number) && (number <= 1 || Fail(RlpError.InvalidBoolean));
        value = ok && number == 1;
        return ok;
    }

    /// <summary>Reads an unsigned integer of up to <paramref name="maxBytes"/> bytes (32 for a uint256) without leading zeros.</summary>
    /// <param name="maxBytes">The longest integer that is accepted.</param>
    /// <param name="bigEndian">Its bytes, a part of the input; none for 0.</param>
    public bool TryReadInteger(int maxBytes, out ReadOnlySpan<byte> bigEndian)
    {
        if (!TryReadItem(RlpKind.String, out bigEndian))
        {
            return false;
        }

        RlpError error = bigEndian.Length > maxBytes ? RlpError.IntegerOverflow
            : !bigEndian.IsEmpty && bigEndian[0] == 0 ? RlpError.NonCanonicalInteger
            : RlpError.None;
        if (error == RlpError.None)
        {
            return true;
        }

        bigEndian = default;
        return Fail(error);
    }

    /// <summary>Reads an unsigned integer of up to <paramref name="maxBytes"/> bytes (32 for a uint256) without leading zeros.</summary>
    public bool TryReadBigInteger(int maxBytes, out BigInteger value)
    {
        bool ok = TryReadInteger(maxBytes, out ReadOnlySpan<byte> bytes);
        value = ok ? new BigInteger(bytes, isUnsigned: true, isBigEndian: true) : BigInteger.Zero;
        return ok;
    }

    /// <summary>Reads one item of any kind, header included. The inside of a list is not checked.</summary>
    /// <remarks>Go: <c>rlp.RawValue</c>.</remarks>
    public bool TryReadRaw(out ReadOnlySpan<byte> item)
    {
        if (!TryReadHeader(out _, out int headerLength, out int contentLength))
        {
            item = default;
            return false;
        }

        item = _data.Slice(_position, headerLength + contentLength);
        _position += item.Length;
        return true;
    }

    /// <summary>Passes over one item of any kind. The inside of a list is not checked.</summary>
    public bool TrySkip() => TryReadRaw(out _);

    /// <summary>Passes over all items that are left and checks that each is RLP, the inside of lists excepted.</summary>
    /// <remarks>Go: a field <c>[]rlp.RawValue</c> with the tag <c>tail</c>.</remarks>
    public bool TrySkipRest()
    {
        while (!IsAtEnd)
        {
            TrySkip();
        }

        return !HasError;
    }

    /// <summary>Demands that nothing is left to read and that no earlier read failed.</summary>
    /// <remarks>Go: <c>Stream.ListEnd</c>.</remarks>
    public bool TryReadEnd()
    {
        if (HasError)
        {
            return false;
        }

        return _position == _data.Length || Fail(_depth > 0 ? RlpError.TooManyItems : RlpError.TrailingData);
    }

    /// <summary>Counts the items that are left, up to <see cref="RlpEncoding.MaxListItems"/>, without reading them.</summary>
    public bool TryCountItems(out int count) => TryCountItems(RlpEncoding.MaxListItems, out count);

    /// <summary>
    /// Counts the items that are left without reading them. Fails with <see cref="RlpError.TooManyItems"/> as soon as there
    /// are more than <paramref name="max"/>: count before you allocate.
    /// </summary>
    /// <remarks>Go: <c>rlp.CountValues</c>.</remarks>
    public bool TryCountItems(int max, out int count)
    {
        RlpReader rest = this;
        count = 0;
        while (!rest.IsAtEnd)
        {
            if (count == max)
            {
                rest.Fail(RlpError.TooManyItems);
            }
            else if (rest.TrySkip())
            {
                count++;
            }
        }

        _error = rest._error;
        count = HasError ? 0 : count;
        return !HasError;
    }

    private bool TryReadSmallInteger(int maxBytes, out ulong value)
    {
        bool ok = TryReadInteger(maxBytes, out ReadOnlySpan<byte> bytes);
        value = RlpEncoding.ReadBigEndian(bytes);
        return ok;
    }

    private bool TryReadItem(RlpKind wanted, out ReadOnlySpan<byte> content)
    {
        content = default;
        if (!TryReadHeader(out RlpKind kind, out int headerLength, out int contentLength))
        {
            return false;
        }

        if (kind != wanted)
        {
            return Fail(wanted == RlpKind.List ? RlpError.ExpectedList : RlpError.ExpectedString);
        }

        content = _data.Slice(_position + headerLength, contentLength);
        _position += headerLength + contentLength;
        return true;
    }

    /// <summary>Looks at the next header; the position stays in front of it.</summary>
    private bool TryReadHeader(out RlpKind kind, out int headerLength, out int contentLength)
    {
        kind = default;
        headerLength = contentLength = 0;
        if (HasError)
        {
            return false;
        }

        if (_position == _data.Length)
        {
            return Fail(_depth > 0 ? RlpError.EndOfList : RlpError.EndOfInput);
        }

        RlpError error = RlpHeader.Parse(_data[_position..], out kind, out headerLength, out contentLength);
        if (error == RlpError.None)
        {
            return true;
        }

        return Fail(error == RlpError.ValueTooLarge && _depth > 0 ? RlpError.ElementTooLarge : error);
    }

    private bool Fail(RlpError error)
    {
        _error = error;
        return false;
    }
}
