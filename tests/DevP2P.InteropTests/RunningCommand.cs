using System.Text.Json;

namespace DevP2P.InteropTests;

/// <summary>The built <c>devp2p run --echo --log json</c> on loopback, with a data directory of its own.</summary>
internal sealed class RunningCommand : IAsyncDisposable
{
    private readonly JsonProcess _process;
    private readonly DirectoryInfo _data;

    private RunningCommand(JsonProcess process, DirectoryInfo data)
    {
        _process = process;
        _data = data;
    }

    /// <summary>What the node says its address is.</summary>
    public string Enode { get; private set; } = "";

    public int ProcessId => _process.Id;

    public static async Task<RunningCommand> StartAsync(params string[] arguments)
    {
        DirectoryInfo data = Directory.CreateTempSubdirectory("devp2p-interop-");
        string[] command =
        [
            Path.Combine(AppContext.BaseDirectory, "DevP2P.Cli.dll"), "run", "--data-dir", data.FullName,
            "--listen", "127.0.0.1:0", "--no-discovery", "--echo", "--log", "json", .. arguments,
        ];
        var node = new RunningCommand(JsonProcess.Start("dotnet", command, data.FullName, "event"), data);
        try
        {
            node.Enode = (await node.NextAsync("started")).GetProperty("enode").GetString()!;
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    public Task<JsonElement> NextAsync(string name) => _process.NextAsync(name);

    /// <summary>Waits until the process is gone and says its exit code.</summary>
    public async Task<int> WaitForExitAsync()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _data.Delete(recursive: true);
    }
}
