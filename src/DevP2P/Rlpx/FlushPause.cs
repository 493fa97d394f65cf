using System.Runtime.InteropServices;

namespace DevP2P.Rlpx;

/// <summary>
/// A rest between two flushes of a steady stream, so that more messages share a system call: what network cards do with interrupts. A thread
/// sleeps meanwhile; that this costs the pool little, one at a time does so, and the others flush at once.
/// </summary>
internal static partial class FlushPause
{
    /// <summary>What is asked of the system, which takes about 50 us more. Shorter than any timer of the runtime.</summary>
    private const int Nanoseconds = 20_000;

    private static readonly bool s_isSupported = !OperatingSystem.IsWindows() && Environment.ProcessorCount > 1;
    private static int s_isResting;

    /// <summary>Sleeps for some 70 us. False at once if another thread does, or if the system cannot sleep for so short a time.</summary>
    public static bool TryRest()
    {
        if (!s_isSupported || Interlocked.Exchange(ref s_isResting, 1) != 0)
        {
            return false;
        }

        NanoSleep(new TimeSpec { Nanoseconds = Nanoseconds }, 0);
        Volatile.Write(ref s_isResting, 0);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(in TimeSpec time, nint remaining);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}

/// <summary>Whether flushes of one connection should rest before: they do while that pays, and try it ever less often while it does not.</summary>
internal struct FlushPacing
{
    /// <summary>A rest has paid if so many messages more came in the course of it.</summary>
    private const int WorthIt = 8;

    private const int MaxFlushesBetween = 1024;

    private int _flushesUntilRest;
    private int _flushesBetween;

    /// <summary>Before each flush of more than one message.</summary>
    public bool IsRestDue()
    {
        if (_flushesBetween == 0)
        {
            _flushesUntilRest = _flushesBetween = WorthIt;
        }

        return --_flushesUntilRest <= 0;
    }

    /// <summary>After a rest.</summary>
    /// <param name="messages">How many messages came meanwhile.</param>
    public void Rested(int messages)
    {
        bool paid = messages >= WorthIt;
        _flushesBetween = paid ? WorthIt : Math.Min(2 * _flushesBetween, MaxFlushesBetween);
        _flushesUntilRest = paid ? 0 : _flushesBetween;
    }
}
