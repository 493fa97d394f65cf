using System.Globalization;

namespace DevP2P.Cli.Doctor;

/// <summary>Which program has a port, on Linux, where <c>/proc</c> tells it to root and of one's own programs to anybody.</summary>
internal static class PortOwner
{
    private const string Listening = "0A";

    /// <summary>The program's name and number; null if that cannot be seen.</summary>
    /// <param name="protocol"><c>tcp</c> or <c>udp</c>.</param>
    /// <param name="port">The port.</param>
    public static string? Find(string protocol, int port)
    {
        try
        {
            foreach (string file in new[] { $"/proc/net/{protocol}", $"/proc/net/{protocol}6" })
            {
                if (File.Exists(file) && FindInode(File.ReadLines(file), protocol == "tcp", port) is { } inode && FindProcess($"socket:[{inode}]") is { } owner)
                {
                    return owner;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not to be seen.
        }

        return null;
    }

    /// <summary>The number of the socket that has a port, from a table of the kernel; null if there is none.</summary>
    internal static string? FindInode(IEnumerable<string> table, bool onlyListening, int port)
    {
        string suffix = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        foreach (string line in table)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 9 && words[1].EndsWith(suffix, StringComparison.Ordinal) && (!onlyListening || words[3] == Listening))
            {
                return words[9];
            }
        }

        return null;
    }

    private static string? FindProcess(string socket)
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                continue;
            }

            try
            {
                if (Directory.EnumerateFiles($"{directory}/fd").Any(fd => new FileInfo(fd).LinkTarget == socket))
                {
                    return $"{File.ReadAllText($"{directory}/comm").Trim()} (process {number})";
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended, or is somebody else's.
            }
        }

        return null;
    }
}
