using System.Runtime.InteropServices;
using DevP2P.Buffers;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>Tests that measure the whole process: nothing else runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProcessWideCollection
{
    public const string Name = "process-wide";
}

/// <summary>What the process holds: heap, resident memory, tasks (as far as they can be seen), file descriptors, pooled blocks.</summary>
internal sealed partial record ProcessState(long Heap, long Resident, int Tasks, long Timers, int Descriptors, long LentBlocks)
{
    /// <summary>What the pool keeps per size class; of native blocks it keeps 32 times that.</summary>
    private const int PoolBytes = 1024 * 1024;

    /// <summary>Below these a difference says nothing: the JIT's tiers and the thread pool come and go.</summary>
    private const long HeapNoise = 1024 * 1024;
    private const long ResidentNoise = 4 * 1024 * 1024;

    public static int CountDescriptors() =>
        OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries("/proc/self/fd").Length : 0;

    /// <summary>
    /// Fills all pools to what they keep at most. Otherwise a test would take for a leak that they fill up in the course of time.
    /// </summary>
    public static void FillPools()
    {
        var blocks = new List<PooledBuffer>();
        for (int size = BufferPool.MinSize; size <= PooledBuffer.MaxArraySize; size *= 2)
        {
            for (int count = PoolBytes / size; count > 0; count--)
            {
                blocks.Add(BufferPool.Shared.Rent(size));
            }
        }

        for (int i = 0; i < 32; i++)
        {
            blocks.Add(BufferPool.Shared.Rent(PoolBytes));
        }

        foreach (PooledBuffer block in blocks)
        {
            block.Span.Clear();
            BufferPool.Shared.Return(block);
        }

        List<ReceivedPayload> payloads = [.. Enumerable.Range(0, 20_000).Select(static _ => ReceivedPayload.Create(null, null, 0))];
        payloads.ForEach(static payload => payload.Release(payload.Generation));
    }

    /// <summary>Collects everything first, so that only what is held remains.</summary>
    public static ProcessState Capture(params Server[] servers)
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        TrimNativeHeap();

        return new ProcessState(
            GC.GetTotalMemory(forceFullCollection: true), Environment.WorkingSet, servers.Sum(s => s.RunningTasks()), Timer.ActiveCount,
            CountDescriptors(), BufferPool.Shared.Lent);
    }

    /// <summary>The C library keeps freed native blocks resident in an arena per thread; that is its cache, not ours.</summary>
    private static void TrimNativeHeap()
    {
        try
        {
            TrimNativeHeap(0);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            // Not the GNU C library.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimNativeHeap(nuint pad);

    /// <summary>The definition in docs/threats.md: after ten times the input no more than 5% above what it was.</summary>
    public void AssertFlat(ProcessState later)
    {
        string both = $"before: {this}\nafter: {later}";
        Assert.True(later.Heap <= (Heap * 1.05) + HeapNoise, "heap grew\n" + both);
        Assert.True(later.Resident <= (Resident * 1.05) + ResidentNoise, "resident memory grew\n" + both);
        Assert.True(later.Tasks <= Tasks, "tasks remain\n" + both);
        Assert.True(later.Timers <= Timers + 2, "timers remain\n" + both);
        Assert.True(later.Descriptors <= Descriptors + (Descriptors / 20), "descriptors remain\n" + both);
        Assert.True(later.LentBlocks <= LentBlocks, "pooled blocks remain\n" + both);
    }
}
