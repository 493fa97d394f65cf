using System.Globalization;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Cli.Configuration;

/// <summary>The node's key file (<see cref="NodeKeyFile"/>) for the command: what goes wrong is said in one line, and a key can be replaced.</summary>
internal static class KeyFile
{
    /// <summary>geth's name for it.</summary>
    public const string DefaultName = "nodekey";

    /// <summary>Reads the key, or makes one on first start.</summary>
    /// <returns>The key, and whether it is new.</returns>
    /// <exception cref="CliException">It can neither be read nor made.</exception>
    public static (PrivateKey Key, bool Created) LoadOrCreate(string path)
    {
        if (!File.Exists(path))
        {
            CreateDirectory(path);
        }

        return Try(path, File.Exists(path) ? "read" : "write", () => NodeKeyFile.LoadOrCreate(path));
    }

    /// <summary>Reads a key.</summary>
    /// <exception cref="CliException">There is none, or the file's content is not a key. The content is never repeated.</exception>
    public static PrivateKey Load(string path) => Try(path, "read", () => NodeKeyFile.Load(path));

    /// <summary>Makes a new key and its file.</summary>
    /// <exception cref="CliException">The file exists, or cannot be written.</exception>
    public static PrivateKey Create(string path)
    {
        if (Path.Exists(path))
        {
            throw new CliException($"{path} exists; devp2p key rotate replaces it and keeps the old one");
        }

        CreateDirectory(path);
        return Try(path, "write", () => NodeKeyFile.Create(path));
    }

    /// <summary>Replaces the key by a new one and keeps the old one beside it, with the time in its name.</summary>
    /// <returns>The new key, and where the old one is now.</returns>
    /// <exception cref="CliException">There is no valid key to replace, or the files cannot be written; the old key is then still in place.</exception>
    public static (PrivateKey Key, string OldPath) Rotate(string path, DateTimeOffset now)
    {
        Load(path);
        string old = path + "." + now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss.fff'Z'", CultureInfo.InvariantCulture);
        PrivateKey key = PrivateKey.Generate();
        string temporary = Try(path, "write", () => NodeKeyFile.WriteTemporary(path, key));
        try
        {
            File.Move(path, old, overwrite: false);
            try
            {
                File.Move(temporary, path, overwrite: false);
            }
            catch (IOException)
            {
                File.Move(old, path, overwrite: false);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new CliException($"cannot rotate the key file {path}: {e.Message}");
        }

        return (key, old);
    }

    /// <summary>One line for the log when others on this machine can read or write the key; null when all is well.</summary>
    public static string? DescribeExposure(string path) => NodeKeyFile.FindExposure(path) is { } mode
        ? $"other users can read the node's key (mode {Convert.ToString((int)mode, 8)}): chmod 600 {path}"
        : null;

    private static void CreateDirectory(string path) => DataDirectory.Create(Path.GetDirectoryName(Path.GetFullPath(path))!);

    private static T Try<T>(string path, string what, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (FormatException e)
        {
            throw new CliException($"{path} is not a key file: {e.Message}");
        }
        catch (Exception e) when (what == "read" && e is (FileNotFoundException or DirectoryNotFoundException))
        {
            throw new CliException($"there is no key file {path} (devp2p key generate makes one)");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"cannot {what} the key file {path}: {e.Message}");
        }
    }
}
