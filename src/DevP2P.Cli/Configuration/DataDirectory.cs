namespace DevP2P.Cli.Configuration;

/// <summary>Where this user's data belongs on this platform.</summary>
internal static class DataDirectory
{
    private const string FolderName = "devp2p";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The directory by the platform's convention; not created.</summary>
    public static string Default() => Default(CurrentPlatform(), Environment.GetEnvironmentVariable,
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify));

    /// <summary>The rule itself, with the platform and its environment as arguments.</summary>
    public static string Default(PlatformID platform, Func<string, string?> environment, string home)
    {
        switch (platform)
        {
            case PlatformID.Win32NT:
                string? local = environment("LOCALAPPDATA");
                return string.IsNullOrEmpty(local) ? Path.Combine(home, "AppData", "Local", FolderName) : Path.Combine(local, FolderName);
            case PlatformID.MacOSX:
                return Path.Combine(home, "Library", "Application Support", FolderName);
            default:
                // XDG base directory specification: a relative path in the variable is invalid and to be ignored.
                string? xdg = environment("XDG_DATA_HOME");
                return xdg is not null && xdg.StartsWith('/')
                    ? Path.Combine(xdg, FolderName)
                    : Path.Combine(home, ".local", "share", FolderName);
        }
    }

    /// <summary>Makes the directory, readable for its owner only, unless it exists.</summary>
    /// <exception cref="CliException">It cannot be made.</exception>
    public static void Create(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(path);
            }
            else
            {
                Directory.CreateDirectory(path, OwnerOnly);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"cannot create the directory {path}: {e.Message}");
        }
    }

    private static PlatformID CurrentPlatform() =>
        OperatingSystem.IsWindows() ? PlatformID.Win32NT : OperatingSystem.IsMacOS() ? PlatformID.MacOSX : PlatformID.Unix;
}
