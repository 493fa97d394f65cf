namespace DevP2P.Cli.Bench;

/// <summary>What a process has used since its start, or between two moments.</summary>
/// <param name="CpuMicroseconds">Time on all processors, in user mode and in the kernel, as the operating system counts it.</param>
/// <param name="AllocatedBytes">Managed memory that was allocated; 0 of a foreign process.</param>
/// <param name="Collections">Garbage collections; 0 of a foreign process.</param>
/// <param name="ResidentBytes">Memory in use now.</param>
internal sealed record ProcessCost(double CpuMicroseconds, long AllocatedBytes, int Collections, long ResidentBytes)
{
    /// <summary>Of a process whose costs are not what is measured.</summary>
    public static readonly ProcessCost None = new(0, 0, 0, 0);

    /// <summary>What this process has used.</summary>
    public static ProcessCost Now() => new(
        Environment.CpuUsage.TotalTime.TotalMicroseconds, GC.GetTotalAllocatedBytes(), GC.CollectionCount(0), Environment.WorkingSet);

    /// <summary>What was used between two moments; memory as it is at the later one.</summary>
    public static ProcessCost operator -(ProcessCost later, ProcessCost earlier) => new(
        later.CpuMicroseconds - earlier.CpuMicroseconds,
        later.AllocatedBytes - earlier.AllocatedBytes,
        later.Collections - earlier.Collections,
        later.ResidentBytes);
}
