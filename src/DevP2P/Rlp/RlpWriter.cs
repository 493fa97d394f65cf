using System.Buffers;
using System.Collections;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;

namespace DevP2P.Rlp;

/// <summary>
/// Writes RLP into a pooled buffer that grows as needed. What it writes is canonical by construction; nothing is allocated
/// per call.
/// </summary>
/// <remarks>
/// It is a mutable struct that owns memory: pass it by <c>ref</c>, never copy it, and dispose it (a forgotten
/// <see cref="Dispose"/> leaks nothing, but the pool loses a buffer). Go: <c>rlp.EncoderBuffer</c>.
/// </remarks>
/// <example>
/// <code>
/// using var writer = new RlpWriter(256);
/// RlpListToken list = writer.StartList();
/// writer.Write(5);
/// writer.Write("p2p");
/// writer.EndList(list);
/// Send(writer.Written);
/// </code>
/// </example>
public ref struct RlpWriter : IDisposable
{
    private const int MinimumCapacity = 256;

    private Span<byte> _buffer;
    private byte[]? _pooled;
    private int _length;
    private int _depth;

    /// <summary>Makes a writer with a pooled buffer.</summary>
    /// <param name="initialCapacity">How many bytes there is room for before the buffer has to grow.</param>
    public RlpWriter(int initialCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(initialCapacity);
        _buffer = _pooled = ArrayPool<byte>.Shared.Rent(Math.Max(initialCapacity, MinimumCapacity));
    }

    /// <summary>Makes a writer that starts in the caller's memory and moves to a pooled buffer when that is full.</summary>
    public RlpWriter(Span<byte> initialBuffer) => _buffer = initialBuffer;

    /// <summary>How many bytes have been written.</summary>
    public readonly int Length => _length;

    /// <summary>What has been written so far. Valid until the next write or <see cref="Dispose"/>.</summary>
    /// <exception cref="InvalidOperationException">A list is still open.</exception>
    public readonly ReadOnlySpan<byte> Written
    {
        get
        {
            ThrowIfOpen();
            return _buffer[.._length];
        }
    }

    /// <summary>A copy of what has been written.</summary>
    /// <exception cref="InvalidOperationException">A list is still open.</exception>
    public readonly byte[] ToArray() => Written.ToArray();

    /// <summary>Copies what has been written to another writer.</summary>
    /// <exception cref="InvalidOperationException">A list is still open.</exception>
    public readonly void CopyTo(IBufferWriter<byte> destination) => destination.Write(Written);

    /// <summary>Forgets what has been written and keeps the buffer.</summary>
    public void Clear() => _length = _depth = 0;

    /// <summary>Gives the buffer back to the pool.</summary>
    public void Dispose()
    {
        byte[]? pooled = _pooled;
        this = default;
        if (pooled is not null)
        {
            ArrayPool<byte>.Shared.Return(pooled);
        }
    }

    /// <summary>Writes an integer; 0 is the empty string.</summary>
    public void Write(ulong value) => _length += RlpEncoding.WriteUInt64(GetSpan(RlpEncoding.MaxUInt64Length), value);

    /// <summary>Writes an integer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative: RLP has no negative numbers.</exception>
    public void Write(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        Write((ulong)value);
    }

    /// <summary>Writes an integer of any size.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative: RLP has no negative numbers.</exception>
    public void Write(BigInteger value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        if (value <= ulong.MaxValue)
        {
            Write((ulong)value);
            return;
        }

        int length = value.GetByteCount(isUnsigned: true);
        WriteHeader(RlpHeader.StringOffset, length);
        value.TryWriteBytes(GetSpan(length), out _, isUnsigned: true, isBigEndian: true);
        _length += length;
    }

    /// <summary>Writes 1 or 0.</summary>
    public void Write(bool value) => Write(value ? 1UL : 0UL);

    /// <summary>Writes a string of bytes.</summary>
    public void Write(scoped ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 1 || bytes[0] >= RlpHeader.StringOffset)
        {
            WriteHeader(RlpHeader.StringOffset, bytes.Length);
        }

        Append(bytes);
    }

    /// <summary>Writes text in UTF-8.</summary>
    public void Write(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int length = Encoding.UTF8.GetByteCount(text);
        if (length != 1)
        {
            // One byte of UTF-8 is always below 0x80, its own encoding.
            WriteHeader(RlpHeader.StringOffset, length);
        }

        _length += Encoding.UTF8.GetBytes(text, GetSpan(length));
    }

    /// <summary>Writes items that are encoded already. They are not checked.</summary>
    public void WriteRaw(scoped ReadOnlySpan<byte> encoded) => Append(encoded);

    /// <summary>Opens a list: all items until <see cref="EndList"/> belong to it.</summary>
    /// <exception cref="InvalidOperationException">Lists are nested deeper than <see cref="RlpEncoding.MaxDepth"/>.</exception>
    public RlpListToken StartList()
    {
        if (_depth == RlpEncoding.MaxDepth)
        {
            throw new InvalidOperationException($"RLP lists may be nested {RlpEncoding.MaxDepth} levels deep; does a list contain itself?");
        }

        // One byte suffices for the header of a short list; EndList makes room when the list has turned out longer.
        GetSpan(1);
        _length++;
        return new RlpListToken { Start = _length, Depth = ++_depth };
    }

    /// <summary>Closes the list that was opened last.</summary>
    /// <param name="list">What <see cref="StartList"/> returned.</param>
    /// <exception cref="InvalidOperationException">Another list was opened last.</exception>
    public void EndList(RlpListToken list)
    {
        if (list.Depth != _depth || _depth == 0)
        {
            throw new InvalidOperationException("lists must be closed in the reverse of the order in which they were opened, each once");
        }

        int contentLength = _length - list.Start;
        int extra = RlpHeader.GetLength(contentLength) - 1;
        if (extra > 0)
        {
            GetSpan(extra);
            _buffer.Slice(list.Start, contentLength).CopyTo(_buffer[(list.Start + extra)..]);
            _length += extra;
        }

        RlpHeader.Write(_buffer[(list.Start - 1)..], RlpHeader.ListOffset, contentLength);
        _depth--;
    }

    /// <summary>Writes a value by its type, without reflection.</summary>
    /// <param name="value">
    /// An <see cref="IRlpSerializable"/>; <see cref="ulong"/>, <see cref="uint"/>, <see cref="ushort"/>, <see cref="byte"/>,
    /// <see cref="int"/>, <see cref="long"/>, <see cref="BigInteger"/> (none negative), <see cref="bool"/>; <see cref="string"/>
    /// as UTF-8; <c>byte[]</c>, <see cref="Memory{T}"/> or <see cref="ReadOnlyMemory{T}"/> of bytes; any other
    /// <see cref="IEnumerable"/> of such values as a list. Null is the empty list, as a nil interface is in Go.
    /// </param>
    /// <exception cref="ArgumentException">The value, or one inside it, is of another type; the message names it.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    public void WriteItem(object? value)
    {
        switch (value)
        {
            case null:
                EndList(StartList());
                break;
            case IRlpSerializable item:
                item.WriteTo(ref this);
                break;
            case string text:
                Write(text);
                break;
            case byte[] bytes:
                Write(bytes);
                break;
            case ReadOnlyMemory<byte> bytes:
                Write(bytes.Span);
                break;
            case Memory<byte> bytes:
                Write(bytes.Span);
                break;
            case bool flag:
                Write(flag);
                break;
            case BigInteger number:
                Write(number);
                break;
            case ulong number:
                Write(number);
                break;
            case IEnumerable items:
                WriteItems(items);
                break;
            default:
                Write(ToInt64(value));
                break;
        }
    }

    /// <summary>Writes a list of values, each as <see cref="WriteItem"/> does.</summary>
    private void WriteItems(IEnumerable items)
    {
        RlpListToken list = StartList();
        foreach (object? item in items)
        {
            WriteItem(item);
        }

        EndList(list);
    }

    private static long ToInt64(object value) => value switch
    {
        int number => number,
        uint number => number,
        long number => number,
        ushort number => number,
        byte number => number,
        _ => throw new ArgumentException(
            $"{value.GetType()} has no RLP encoding; use an unsigned number, bool, string, byte[], IRlpSerializable or a sequence of these",
            nameof(value)),
    };

    private void WriteHeader(byte offset, int contentLength) =>
        _length += RlpHeader.Write(GetSpan(RlpEncoding.MaxUInt64Length), offset, contentLength);

    private void Append(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        _length += bytes.Length;
    }

    private readonly void ThrowIfOpen()
    {
        if (_depth != 0)
        {
            throw new InvalidOperationException("a list has not been closed (EndList)");
        }
    }

    /// <summary>The free part of the buffer, at least <paramref name="count"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> GetSpan(int count)
    {
        if (_buffer.Length - _length < count)
        {
            Grow(count);
        }

        return _buffer[_length..];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int count)
    {
        int needed = checked(_length + count);
        int doubled = (int)Math.Min((uint)Array.MaxLength, 2 * (uint)_length);
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(needed, doubled), MinimumCapacity));
        _buffer[.._length].CopyTo(larger);
        if (_pooled is not null)
        {
            ArrayPool<byte>.Shared.Return(_pooled);
        }

        _buffer = _pooled = larger;
    }
}
