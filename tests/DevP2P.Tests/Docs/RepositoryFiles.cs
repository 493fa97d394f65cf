namespace DevP2P.Tests.Docs;

/// <summary>The repository's own files, as text.</summary>
internal static class RepositoryFiles
{
    /// <summary>The folder with the solution, found from where the tests run.</summary>
    public static string Root { get; } = FindRoot();

    public static string PathOf(string relative) => Path.Combine(Root, relative.Replace('/', Path.DirectorySeparatorChar));

    public static string Read(string relative) => File.ReadAllText(PathOf(relative));

    public static string[] ReadLines(string relative) => File.ReadAllLines(PathOf(relative));

    /// <summary>All files below a folder, relative to it, with forward slashes.</summary>
    public static IEnumerable<string> List(string folder, string pattern) =>
        Directory.EnumerateFiles(PathOf(folder), pattern, SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(PathOf(folder), file).Replace('\\', '/'))
            .Where(file => !file.StartsWith("bin/", StringComparison.Ordinal) && !file.StartsWith("obj/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "DevP2P.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"no DevP2P.slnx above {AppContext.BaseDirectory}");
    }
}
