using System.Collections;
using System.Runtime;
using System.Runtime.InteropServices;

namespace DevP2P.Cli;

/// <summary>
/// Simulations fill all processors and memory with small objects: the collector that works on all processors at once, and less often,
/// saves a fifth of their time (docs/simulator.md). A process cannot change its collector, and nodes do better with the small one; so
/// <c>simulate</c> replaces itself, once, by itself with the other setting.
/// </summary>
internal static partial class ServerCollector
{
    private const string Setting = "DOTNET_gcServer";

    /// <summary>The collector's attempt to use little memory, which it makes by collecting more often.</summary>
    private const string NoAdaptation = "DOTNET_GCDynamicAdaptationMode=0";

    /// <summary>
    /// Starts the command anew in this same process, so that signals, streams and the exit code stay what they are. Returns where that is
    /// not possible (other systems than Linux), has been done, or is not wanted: whoever sets the variable decides himself.
    /// </summary>
    /// <param name="args">The command line.</param>
    public static void RestartFor(string[] args)
    {
        if (args is not ["simulate", ..]
            || !OperatingSystem.IsLinux()
            || Environment.ProcessorCount == 1
            || GCSettings.IsServerGC
            || Environment.GetEnvironmentVariable(Setting) is not null
            || Environment.ProcessPath is not { } path)
        {
            return;
        }

        // As it was started, with what a host like "dotnet" was told besides. Each argument ends with a zero.
        string[] commandLine = File.ReadAllText("/proc/self/cmdline").Split('\0')[..^1];
        IEnumerable<string> environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(v => $"{v.Key}={v.Value}");
        // Comes back only if it fails; then the collector stays.
        _ = Execute(path, [.. commandLine, null], [.. environment, $"{Setting}=1", NoAdaptation, null]);
    }

    [LibraryImport("libc", EntryPoint = "execve", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, string?[] arguments, string?[] environment);
}
