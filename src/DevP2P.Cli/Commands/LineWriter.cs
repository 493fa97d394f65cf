using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace DevP2P.Cli.Commands;

/// <summary>Lines for people or one JSON object a line; from several threads.</summary>
internal sealed class LineWriter(TextWriter output, bool json)
{
    private readonly Lock _gate = new();

    /// <summary>Writes a line, and it is out at once.</summary>
    /// <param name="report">What it says for programs.</param>
    /// <param name="type">Its type's JSON.</param>
    /// <param name="text">What it says for people.</param>
    public void Write<T>(T report, JsonTypeInfo<T> type, string text)
    {
        lock (_gate)
        {
            output.WriteLine(json ? JsonSerializer.Serialize(report, type) : text);
            output.Flush();
        }
    }
}
