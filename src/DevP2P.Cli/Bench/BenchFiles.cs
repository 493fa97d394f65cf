using System.Text.Json;

namespace DevP2P.Cli.Bench;

/// <summary>The files that results are compared with: name of a scenario, and its ratio to the reference.</summary>
internal static class BenchFiles
{
    /// <summary>Reads such a file.</summary>
    /// <exception cref="CliException">It is not there, or is something else.</exception>
    public static IReadOnlyDictionary<string, double> Read(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return JsonSerializer.Deserialize(file, CliJson.Default.DictionaryStringDouble) ?? throw new JsonException("it is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CliException($"cannot read {path}: {e.Message}");
        }
    }

    /// <summary>Writes one.</summary>
    public static void Write(string path, IEnumerable<BenchResult> results)
    {
        Dictionary<string, double> ratios = results.ToDictionary(r => r.Name, r => BenchReport.Round(r.Ratio));
        File.WriteAllText(path, JsonSerializer.Serialize(ratios, CliJson.Default.DictionaryStringDouble) + Environment.NewLine);
    }
}
