using System.Text.Json;

namespace DevP2P.InteropTests;

/// <summary><c>devp2p bench --target</c> aimed at a foreign node that speaks <c>echo</c>.</summary>
public class BenchTargetTests
{
    [Theory]
    [InlineData(JsPeer.Newest, "echo", "echo-32")]
    [InlineData(JsPeer.Newest, "rlpx", "rlpx-32")]
    [InlineData(JsPeer.Newest, "handshake", "handshake-1")]
    [InlineData(JsPeer.Older, "rlpx", "rlpx-32")]
    public async Task AForeignNodeIsMeasured(string version, string bench, string result)
    {
        await using JsPeer theirs = await JsPeer.StartAsync(version, "--capability", "echo/1/16", "--bounce");
        string[] command =
        [
            Path.Combine(AppContext.BaseDirectory, "DevP2P.Cli.dll"), "bench", bench, .. Sizes(bench), "--target", theirs.Enode,
            "--target-pid", $"{theirs.ProcessId}", "--runs", "1", "--json",
        ];
        await using JsonProcess process = JsonProcess.Start("dotnet", command, Environment.CurrentDirectory, "name");

        JsonElement measured = await process.NextAsync(result);
        Assert.True(measured.GetProperty("count").GetInt64() > 0, measured.ToString());
        Assert.True(measured.GetProperty("value").GetDouble() > 0, measured.ToString());
        Assert.True(measured.GetProperty("otherCpu").GetDouble() > 0, measured.ToString());
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    private static string[] Sizes(string bench) => bench == "handshake" ? ["--count", "10", "--parallel", "1"] : ["--size", "32", "--time", "500ms"];
}
