using System.Diagnostics;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>The checks that come with Prometheus.</summary>
internal static class PromTool
{
    /// <summary>Its exit code and all that it says.</summary>
    public static async Task<(int ExitCode, string Said)> RunAsync(string input, params string[] arguments)
    {
        using var promtool = new Process
        {
            StartInfo = new ProcessStartInfo("promtool", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true },
        };
        promtool.Start();
        Task<string> said = promtool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> complained = promtool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await promtool.StandardInput.WriteAsync(input);
        promtool.StandardInput.Close();
        await promtool.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (promtool.ExitCode, await said + await complained);
    }
}
