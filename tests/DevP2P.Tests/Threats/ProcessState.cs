using System.Runtime.CompilerServices;
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

/// <summary>
/// What the process holds: heap, resident memory without the native blocks that the pool keeps for reuse, tasks (as far as they
/// can be seen), timers, file descriptors, pooled blocks.
/// </summary>
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
            GC.GetTotalMemory(forceFullCollection: true), Environment.WorkingSet - KeptNative(BufferPool.Shared), servers.Sum(s => s.RunningTasks()), Timer.ActiveCount,
            CountDescriptors(), BufferPool.Shared.Lent);
    }

    /// <summary>The C library keeps freed native blocks resident in an arena per thread; that is its cache, not ours.</summary>
    private static void TrimNativeHeap()
    {
        try
        {
            _ = TrimNativeHeap(0);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            // Not the GNU C library.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimNativeHeap(nuint pad);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_keptNative")]
    private static extern ref long KeptNative(BufferPool pool);

    /// <summary>
    /// Flat by the definition in docs/threats.md: after <paramref name="more"/> hostile inputs the process holds no more than it
    /// did after <paramref name="first"/>. Caches of the runtime that fill up in the course of time are no leak, so it is enough
    /// if that is so in one of three runs in a row: what leaks, leaks in all of them.
    /// </summary>
    public static async Task AssertFlatAsync(Server? server, int first, int more, Func<int, Task> input)
    {
        Server[] servers = server is null ? [] : [server];
        FillPools();
        await input(first);
        ProcessState before = Capture(servers);
        for (int run = 1; ; run++)
        {
            await input(more);
            ProcessState after = Capture(servers);
            if (before.GetGrowth(after) is not { } growth)
            {
                return;
            }

            Assert.True(run < 3, growth);
            before = after;
        }
    }

    public void AssertFlat(ProcessState later) => Assert.Null(GetGrowth(later));

    private string? GetGrowth(ProcessState later)
    {
        string? what = later.Heap > (Heap * 1.05) + HeapNoise ? "heap grew"
            : later.Resident > (Resident * 1.05) + ResidentNoise ? "resident memory grew"
            : later.Tasks > Tasks ? "tasks remain"
            : later.Timers > Timers + 2 ? "timers remain"
            : later.Descriptors > Descriptors + (Descriptors / 20) ? "descriptors remain"
            : later.LentBlocks > LentBlocks ? "pooled blocks remain"
            : null;
        return what is null ? null : $"{what}\nbefore: {this}\nafter: {later}";
    }
}
