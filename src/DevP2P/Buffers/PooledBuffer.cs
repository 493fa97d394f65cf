using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace DevP2P.Buffers;

/// <summary>
/// One contiguous, growable block from <see cref="BufferPool"/>. Small blocks are managed arrays, large ones native memory, so
/// that none ever burdens the large object heap. Not safe for concurrent use.
/// </summary>
internal sealed unsafe class PooledBuffer : MemoryManager<byte>
{
    /// <summary>The greatest block that is a managed array; well below the large object heap's threshold of 85,000 bytes.</summary>
    public const int MaxArraySize = 64 * 1024;

    private readonly byte[]? _array;
    private byte* _native;
    private int _nativeCapacity;

    public PooledBuffer(int capacity)
    {
        if (capacity <= MaxArraySize)
        {
            _array = GC.AllocateUninitializedArray<byte>(capacity);
            GC.SuppressFinalize(this);
        }
        else
        {
            _native = (byte*)NativeMemory.Alloc((nuint)capacity);
            _nativeCapacity = capacity;
        }
    }

    /// <summary>Backstop for blocks that nobody returned (a closed pipe's last message); the pool frees its own.</summary>
    [SuppressMessage("Reliability", "CA2015", Justification = "A span over the block is documented as valid only until the next read.")]
    ~PooledBuffer() => FreeNative();

    /// <summary>Raised by one whenever the block goes back: whoever kept an older number holds a stale block.</summary>
    public int Generation { get; private set; }

    public int Capacity => _array?.Length ?? _nativeCapacity;

    public override Memory<byte> Memory => _array ?? CreateMemory(_nativeCapacity);

    public Span<byte> Span => _array is { } array ? array : new Span<byte>(_native, _nativeCapacity);

    public bool IsNative => _array is null;

    public override Span<byte> GetSpan() => Span;

    /// <summary>Makes a native block larger; its bytes stay.</summary>
    public void GrowNative(int capacity)
    {
        if (capacity > _nativeCapacity)
        {
            _native = (byte*)NativeMemory.Realloc(_native, (nuint)capacity);
            _nativeCapacity = capacity;
        }
    }

    public override MemoryHandle Pin(int elementIndex = 0) => new(_native + elementIndex);

    public override void Unpin()
    {
    }

    /// <summary>Marks the content as gone. The pool calls it.</summary>
    public void Retire() => Generation++;

    public void FreeNative()
    {
        if (_native != null)
        {
            NativeMemory.Free(_native);
            _native = null;
            _nativeCapacity = 0;
        }
    }

    protected override void Dispose(bool disposing) => FreeNative();
}
