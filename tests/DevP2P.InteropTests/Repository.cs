namespace DevP2P.InteropTests;

internal static class Repository
{
    /// <summary>The folder with the solution, found from where the tests run.</summary>
    public static string Root { get; } = FindRoot();

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "DevP2P.slnx")))
            {
                return folder.FullName;
            }
        }
        throw new InvalidOperationException($"No DevP2P.slnx above {AppContext.BaseDirectory}.");
    }
}
