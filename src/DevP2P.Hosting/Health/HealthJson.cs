using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace DevP2P.Hosting.Health;

/// <summary>A report of the health checks, as it is served.</summary>
internal sealed record HealthJson(string Status, double DurationMs, IReadOnlyList<HealthEntryJson> Checks)
{
    /// <summary>Writes a report as the answer. Nothing of exceptions is in it: they may hold what only the log may know.</summary>
    public static Task WriteAsync(HttpContext context, HealthReport report)
    {
        var json = new HealthJson(
            report.Status.ToString(),
            report.TotalDuration.TotalMilliseconds,
            [.. report.Entries.Select(static e => new HealthEntryJson(
                e.Key, e.Value.Status.ToString(), e.Value.Description, e.Value.Duration.TotalMilliseconds,
                e.Value.Data.ToDictionary(static d => d.Key, static d => Simplify(d.Value))))]);
        context.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(context.Response.Body, json, HealthJsonContext.Default.HealthJson, context.RequestAborted);
    }

    /// <summary>Other checks may add what cannot be written without reflection.</summary>
    private static object? Simplify(object? value) =>
        value is string or bool or int or long or double or string[] ? value : Convert.ToString(value, CultureInfo.InvariantCulture);
}

/// <summary>One check's part of it.</summary>
internal sealed record HealthEntryJson(string Name, string Status, string? Description, double DurationMs, IReadOnlyDictionary<string, object?> Data);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HealthJson))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(double))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class HealthJsonContext : JsonSerializerContext;
