using System.Text.Json;
using DevP2P.Cli.Bench;
using Xunit;

namespace DevP2P.Tests.Cli;

/// <summary>That each scenario measures what it says. How much it is, is nobody's business here.</summary>
public sealed class BenchCommandTests
{
    [Theory]
    [InlineData("rlpx --size 32 --time 100ms", "rlpx-32", true, true)]
    [InlineData("rlpx --size 200000 --payload text --time 100ms", "rlpx-200000-text", true, true)]
    [InlineData("echo --time 100ms", "echo-32", true, true)]
    [InlineData("handshake --count 10 --parallel 1 --parallel 4", "handshake-1 handshake-4", true, true)]
    [InlineData("broadcast --peers 3 --size 1000 --time 100ms", "broadcast-3-1000", true, false)]
    [InlineData("inbound --peers 3 --size 10000 --time 100ms", "inbound-3-10000", true, true)]
    [InlineData("discv4", "discv4-ping discv4-findnode", false, true)]
    [InlineData("discv5 --time 200ms", "discv5-ping", false, true)]
    [InlineData("packets --time 100ms", "discv5-encode discv5-decode", true, false)]
    [InlineData("crowd --count 5 --time 100ms", "crowd-5-32", true, true)]
    [InlineData("start", "start-time start-memory", false, false)]
    [InlineData("peers --count 20 --time 100ms", "peers-memory-20 peers-cpu-20", false, true)]
    public async Task Scenarios_measure(string arguments, string names, bool costsUs, bool costsOther)
    {
        CommandTests.Result result = await CommandTests.RunAsync(["bench", .. arguments.Split(' '), "--runs", "1", "--json"]);
        Assert.True(result.ExitCode == 0, result.Error);
        JsonElement[] lines = [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(names.Split(' '), lines.Select(line => line.GetProperty("name").GetString()));
        foreach (JsonElement line in lines)
        {
            Assert.True(line.GetProperty("count").GetInt64() > 0, result.Output);
            Assert.True(line.GetProperty("perSecond").GetDouble() > 0, result.Output);
            Assert.InRange(line.GetProperty("keccakMicroseconds").GetDouble(), 0.05, 50);
            Assert.InRange(line.GetProperty("ecdhMicroseconds").GetDouble(), 5, 50_000);
            Assert.Equal(costsUs, line.GetProperty("ownCpu").GetDouble() > 0);
            Assert.Equal(costsOther, line.TryGetProperty("otherCpu", out JsonElement other) && other.GetDouble() > 0);
        }

        // A machine that is busy loses datagrams.
        Assert.All(
            lines.Where(l => l.GetProperty("name").GetString()!.StartsWith("discv4", StringComparison.Ordinal)),
            line => Assert.InRange(line.GetProperty("count").GetInt64(), 48 * Discv4Client.Requests, 96 * Discv4Client.Requests));
    }

    [Fact]
    public async Task Goals_that_are_missed_fail_and_what_was_saved_can_be_compared_with()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("devp2p-bench-").FullName, "ratios.json");
        try
        {
            string[] command = ["bench", "rlpx", "--size", "32", "--runs", "1", "--time", "100ms"];
            CommandTests.Result saved = await CommandTests.RunAsync([.. command, "--save", file]);
            Assert.True(saved.ExitCode == 0, saved.Error);
            Assert.True(BenchFiles.Read(file)["rlpx-32"] > 0);

            await File.WriteAllTextAsync(file, """{"rlpx-32":1000000,"other":1}""", TestContext.Current.CancellationToken);
            CommandTests.Result reached = await CommandTests.RunAsync([.. command, "--check-goals", file, "--compare", file]);
            Assert.True(reached.ExitCode == 0, reached.Error);
            Assert.Contains("reached (at most 1000000)", reached.Output, StringComparison.Ordinal);
            Assert.Contains("-100% since", reached.Output, StringComparison.Ordinal);

            await File.WriteAllTextAsync(file, """{"rlpx-32":0.001}""", TestContext.Current.CancellationToken);
            CommandTests.Result missed = await CommandTests.RunAsync([.. command, "--check-goals", file]);
            Assert.Equal(1, missed.ExitCode);
            Assert.Contains("devp2p: missed goals: rlpx-32", missed.Error, StringComparison.Ordinal);
            Assert.Contains("MISSED", missed.Output, StringComparison.Ordinal);

            await File.WriteAllTextAsync(file, "[]", TestContext.Current.CancellationToken);
            Assert.Contains("cannot read", (await CommandTests.RunAsync([.. command, "--check-goals", file])).Error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }

    [Fact]
    public void The_median_is_that_of_the_ratios()
    {
        var unit = BenchUnit.Hashes;
        BenchRun Run(double value) => new(10, 1, ProcessCost.None, ProcessCost.None, value);
        // As fast as the others, on a machine that was slow for a while.
        var result = new BenchResult("x", unit, [(Run(10), new References(1, 1)), (Run(30), new References(2.5, 1)), (Run(11), new References(1, 1))]);

        Assert.Equal(11, result.Ratio);
        Assert.Equal((10, 12), result.Range);
    }

    [Theory]
    [InlineData(123.456, 123.5)]
    [InlineData(0.00123456, 0.001235)]
    [InlineData(-12345.6, -12346)]
    [InlineData(0, 0)]
    [InlineData(double.NaN, 0)]
    public void Numbers_have_four_digits(double value, double expected) => Assert.Equal(expected, BenchReport.Round(value));

    [Theory]
    [InlineData("Random", 1000, 1100)]
    [InlineData("Half", 450, 700)]
    [InlineData("Text", 50, 700)]
    public void Payloads_are_as_compressible_as_they_say(string kind, int least, int most)
    {
        byte[] payload = Payload.Create(Enum.Parse<PayloadKind>(kind), 1000);
        Assert.Equal(1000, payload.Length);
        Assert.InRange(Snappier.Snappy.CompressToArray(payload).Length, least, most);
    }
}
