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
