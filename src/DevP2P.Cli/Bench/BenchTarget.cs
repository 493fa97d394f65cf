using System.Diagnostics;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>The node at the other end: one of ours in a process of its own, or whatever the user aims at.</summary>
internal sealed class BenchTarget : IAsyncDisposable
{
    private readonly BenchProcess? _process;
    private readonly Process? _foreign;

    private BenchTarget(Node node, BenchProcess? process, Process? foreign) => (Node, _process, _foreign) = (node, process, foreign);

    public Node Node { get; }

    /// <summary>Starts a server of ours.</summary>
    public static async Task<BenchTarget> StartAsync()
    {
        BenchProcess process = BenchProcess.Start("server");
        return new BenchTarget(Node.Parse(await process.GreetingAsync()), process, null);
    }

    /// <summary>Takes a node that runs.</summary>
    /// <param name="node">The node.</param>
    /// <param name="processId">Its process on this machine, so that its costs are known; or null.</param>
    public static BenchTarget At(Node node, int? processId)
    {
        try
        {
            return new BenchTarget(node, null, processId is { } id ? Process.GetProcessById(id) : null);
        }
        catch (ArgumentException)
        {
            throw new CliException($"--target-pid: there is no process {processId}");
        }
    }

    /// <summary>What its process has used; null if that is not known.</summary>
    public async Task<ProcessCost?> CostAsync()
    {
        if (_process is not null)
        {
            return await _process.CostAsync();
        }

        _foreign?.Refresh();
        return _foreign is null ? null : new ProcessCost(_foreign.TotalProcessorTime.TotalMicroseconds, 0, 0, _foreign.WorkingSet64);
    }

    public async ValueTask DisposeAsync()
    {
        _foreign?.Dispose();
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }
    }
}
