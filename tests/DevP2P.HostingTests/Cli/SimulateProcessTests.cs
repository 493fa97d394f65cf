using System.Text.Json;
using Xunit;

namespace DevP2P.HostingTests.Cli;

/// <summary><c>devp2p simulate</c> replaces itself by itself with another collector.</summary>
public sealed class SimulateProcessTests
{
    [Fact]
    public async Task It_runs_with_the_server_collector_in_the_same_process()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.ProcessorCount > 1, "it does so on Linux, with more than one processor");
        await using CliProcess process = CliProcess.Start("simulate", "discv4", "--nodes", "300", "--for", "10h", "--json");
        DateTime end = DateTime.UtcNow + TestSite.Deadline;
        while (!(await File.ReadAllTextAsync($"/proc/{process.Id}/environ", TestContext.Current.CancellationToken)).Split('\0').Contains("DOTNET_gcServer=1"))
        {
            Assert.True(DateTime.UtcNow < end, "it has not replaced itself");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Its_result_and_its_errors_are_those_of_the_command()
    {
        (int exitCode, string output, string errors) = await CliProcess.RunAsync("simulate", "discv4", "--nodes", "20", "--for", "1m", "--json");
        Assert.True(exitCode == 0, errors);
        JsonElement result = JsonElement.Parse(output.Split('\n')[^1]);
        Assert.Equal(20, result.GetProperty("nodes").GetInt32());
        Assert.False(result.TryGetProperty("topics", out _));

        (exitCode, output, errors) = await CliProcess.RunAsync("simulate", "discv4", "--nodes", "many words, and \"quotes\"");
        Assert.NotEqual(0, exitCode);
        Assert.Equal("", output);
        Assert.Contains("many words, and \"quotes\"", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_came_of_topics_is_in_the_json_as_in_the_text()
    {
        string[] command = ["simulate", "topics", "--nodes", "30", "--for", "3m"];
        (int exitCode, string json, string errors) = await CliProcess.RunAsync([.. command, "--json"]);
        Assert.True(exitCode == 0, errors);
        JsonElement topics = JsonElement.Parse(json.Split('\n')[^1]).GetProperty("topics");
        (exitCode, string text, errors) = await CliProcess.RunAsync(command);
        Assert.True(exitCode == 0, errors);
        int advertisers = topics.GetProperty("advertisers").GetInt32();
        Assert.True(advertisers > 0);
        Assert.Contains($"{advertisers} nodes advertise", text, StringComparison.Ordinal);
        Assert.Contains($"{topics.GetProperty("registrationsSent")} registrations sent", text, StringComparison.Ordinal);
        Assert.Contains($"{topics.GetProperty("searchers")} found", text, StringComparison.Ordinal);
    }
}
