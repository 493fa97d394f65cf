using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;

namespace DevP2P.Hosting;

/// <summary>A file of the dashboard.</summary>
/// <param name="ContentType">What it is.</param>
/// <param name="ETag">Names the content; another build with the same content has the same.</param>
/// <param name="Content">The bytes.</param>
internal sealed record DashboardFile(string ContentType, string ETag, ReadOnlyMemory<byte> Content);

/// <summary>The files of the dashboard, which are in the assembly. Read when the first is asked for.</summary>
internal static class DashboardFiles
{
    /// <summary>What the names of these resources begin with (DevP2P.Hosting.csproj).</summary>
    private const string Prefix = "dashboard/";

    private static readonly Lazy<FrozenDictionary<string, DashboardFile>> s_files = new(Load);

    /// <summary>All paths below the dashboard's folder.</summary>
    public static IEnumerable<string> Paths => s_files.Value.Keys;

    /// <summary>The file at a path below the dashboard's folder, or null. Nothing but these files can be named.</summary>
    public static DashboardFile? Find(string path) => s_files.Value.GetValueOrDefault(path);

    private static FrozenDictionary<string, DashboardFile> Load()
    {
        Assembly assembly = typeof(DashboardFiles).Assembly;
        return assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .ToFrozenDictionary(name => name[Prefix.Length..].Replace('\\', '/'), name => Read(assembly, name), StringComparer.Ordinal);
    }

    private static DashboardFile Read(Assembly assembly, string name)
    {
        using Stream stream = assembly.GetManifestResourceStream(name)!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        string contentType = Path.GetExtension(name) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".css" => "text/css; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            ".svg" => "image/svg+xml",
            string other => throw new InvalidOperationException($"no content type for {other}"),
        };
        return new DashboardFile(contentType, $"\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 16))}\"", content);
    }
}
