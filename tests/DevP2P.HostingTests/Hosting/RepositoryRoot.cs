namespace DevP2P.HostingTests.Hosting;

/// <summary>The folder with the solution, found from where the tests run.</summary>
internal static class RepositoryRoot
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "DevP2P.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"no DevP2P.slnx above {AppContext.BaseDirectory}");
    }
}
