using System.Runtime.CompilerServices;
using DevP2P.Crypto;

namespace DevP2P.Rlpx;

/// <summary>
/// Where read loops of different connections meet that each have much of a frame to hash: up to four are hashed side by side. The MAC
/// of one connection is serial, those of several are not. Who finds three others waiting hashes for all four; those that wait are hashed for at
/// the latest once the thread pool has begun whatever was ready before them. Safe for concurrent use; holds three pieces at most.
/// </summary>
/// <param name="schedule">Queues a work item behind what is ready now.</param>
internal sealed class MacQueue(Action<IThreadPoolWorkItem> schedule) : IThreadPoolWorkItem
{
    /// <summary>Less is hashed where it is: it takes no longer than to wait for others does.</summary>
    public const int MinSize = 4 * 1024;

    /// <summary>How many are hashed at a time.</summary>
    public const int Width = 4;

    private const int MaxPause = 1024;

    private readonly Lock _lock = new();
    private Group _waiting;
    private int _count;
    private bool _isQueued;
    private int _pause;
    private int _untilNext;

    /// <summary>That of all connections in this process.</summary>
    public static MacQueue Shared { get; } = new(static item => ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false));

    /// <summary>How many pieces wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>
    /// Whether to hash by <see cref="AbsorbAsync"/> what has just come, at least <see cref="MinSize"/> bytes: if others wait there, or may come.
    /// They are looked for once after each wait that others shared, and ever less often, down to one piece of <see cref="MaxPause"/>, while nobody
    /// does: a connection that is alone hardly ever waits.
    /// </summary>
    public bool IsWorthIt()
    {
        if (!KeccakPermutation4.IsSupported)
        {
            return false;
        }

        // Not atomic: at worst one waits in vain, or does not wait.
        return Count > 0 || --_untilNext < 0;
    }

    /// <summary>Absorbs a piece of a frame's ciphertext. Nothing of it may change, nor the MAC be used, until that is done. It cannot fail or be cancelled.</summary>
    /// <param name="piece">The piece, which takes part in one call at a time.</param>
    public ValueTask AbsorbAsync(MacPiece piece)
    {
        Group group = default;
        bool isFull, isFirst = false;
        lock (_lock)
        {
            _waiting[_count++] = piece;
            isFull = _count == Width;
            if (isFull)
            {
                TakeAll(out group);
            }
            else if (!_isQueued)
            {
                _isQueued = isFirst = true;
            }
        }

        if (isFirst)
        {
            // The read loops that are ready now may bring more before it runs.
            schedule(this);
        }

        if (!isFull)
        {
            return piece.WaitAsync();
        }

        Absorb(group);
        for (int i = 0; i < Width - 1; i++)
        {
            group[i]!.Complete(isInline: false);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Hashes those that wait.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        int count;
        Group group;
        lock (_lock)
        {
            _isQueued = false;
            count = TakeAll(out group);
        }

        Absorb(((ReadOnlySpan<MacPiece?>)group)[..count]);
        for (int i = 0; i < count; i++)
        {
            // This thread has nothing else to do: it goes on with the last.
            group[i]!.Complete(isInline: i == count - 1);
        }
    }

    /// <summary>The lock is held.</summary>
    private int TakeAll(out Group group)
    {
        int count = _count;
        group = _waiting;
        _waiting = default;
        _count = 0;
        if (count == 1)
        {
            _pause = Math.Clamp(2 * _pause, 1, MaxPause);
            _untilNext = _pause;
        }
        else if (count > 1)
        {
            _pause = _untilNext = 0;
        }

        return count;
    }

    /// <summary>All of them as far as the shortest goes, then those that are left.</summary>
    private static void Absorb(ReadOnlySpan<MacPiece?> group)
    {
        Group copy = default;
        group.CopyTo(copy);
        Span<MacPiece> pieces = ((Span<MacPiece?>)copy)[..group.Length]!;
        while (pieces.Length > 1)
        {
            int length = int.MaxValue;
            foreach (MacPiece piece in pieces)
            {
                length = Math.Min(length, piece.Left.Length);
            }

            FrameMac.AbsorbTogether(pieces, length);
            int left = 0;
            foreach (MacPiece piece in pieces)
            {
                piece.Left = piece.Left.Length > length ? piece.Left[length..] : default;
                if (!piece.Left.IsEmpty)
                {
                    pieces[left++] = piece;
                }
            }

            pieces = pieces[..left];
        }

        if (!pieces.IsEmpty)
        {
            pieces[0].Mac.Absorb(pieces[0].Left.Span);
            pieces[0].Left = default;
        }
    }

    [InlineArray(Width)]
    private struct Group
    {
        private MacPiece? _first;
    }
}
