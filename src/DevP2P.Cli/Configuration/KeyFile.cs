using System.Globalization;
using System.Runtime.InteropServices;
using DevP2P.Crypto;

namespace DevP2P.Cli.Configuration;

/// <summary>
/// A node's private key on disk, in geth's format: 64 hexadecimal digits. A key file appears whole or not at all, with
/// mode 0600 from its first moment, and never replaces another one.
/// </summary>
internal static partial class KeyFile
{
    /// <summary>geth's name for it.</summary>
    public const string DefaultName = "nodekey";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>64 digits, perhaps 0x and a line end. Nothing that much longer is a key, and nothing else is read into memory.</summary>
    private const int MaxFileBytes = 256;

    /// <summary>Reads the key, or makes one on first start.</summary>
    /// <returns>The key, and whether it is new.</returns>
    /// <exception cref="CliException">It can neither be read nor made.</exception>
    public static (PrivateKey Key, bool Created) LoadOrCreate(string path)
    {
        if (File.Exists(path))
        {
            return (Load(path), false);
        }

        try
        {
            return (Create(path), true);
        }
        catch (CliException) when (File.Exists(path))
        {
            // Another process started at the same moment and was first.
            return (Load(path), false);
        }
    }

    /// <summary>Reads a key.</summary>
    /// <exception cref="CliException">There is none, or the file's content is not a key. The content is never repeated.</exception>
    public static PrivateKey Load(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] content = new byte[MaxFileBytes + 1];
            int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return length > MaxFileBytes
                ? throw new CliException($"{path} is not a key file: a private key is 64 hexadecimal digits")
                : PrivateKey.ParseHex(System.Text.Encoding.ASCII.GetString(content, 0, length));
        }
        catch (FormatException e)
        {
            throw new CliException($"{path} is not a key file: {e.Message}");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CliException($"there is no key file {path} (devp2p key generate makes one)");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"cannot read the key file {path}: {e.Message}");
        }
    }

    /// <summary>Makes a new key and its file.</summary>
    /// <exception cref="CliException">The file exists, or cannot be written.</exception>
    public static PrivateKey Create(string path)
    {
        if (Path.Exists(path))
        {
            throw new CliException($"{path} exists; devp2p key rotate replaces it and keeps the old one");
        }

        DataDirectory.Create(Path.GetDirectoryName(Path.GetFullPath(path))!);
        PrivateKey key = PrivateKey.Generate();
        string temporary = WriteTemporary(path, key);
        try
        {
            Publish(temporary, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new CliException($"cannot write the key file {path}: {e.Message}");
        }

        return key;
    }

    /// <summary>
    /// Gives a file its final name unless that is taken, in one step: two starts at once cannot overwrite each other's key. On
    /// Unix that takes a link, because <see cref="File.Move(string, string, bool)"/> looks first and renames then.
    /// </summary>
    private static void Publish(string temporary, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            File.Move(temporary, path, overwrite: false);
            return;
        }

        if (Link(temporary, path) != 0)
        {
            throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
        }

        File.Delete(temporary);
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string name);

    /// <summary>Replaces the key by a new one and keeps the old one beside it, with the time in its name.</summary>
    /// <returns>The new key, and where the old one is now.</returns>
    /// <exception cref="CliException">There is no valid key to replace, or the files cannot be written; the old key is then still in place.</exception>
    public static (PrivateKey Key, string OldPath) Rotate(string path, DateTimeOffset now)
    {
        Load(path);
        string old = path + "." + now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss.fff'Z'", CultureInfo.InvariantCulture);
        PrivateKey key = PrivateKey.Generate();
        string temporary = WriteTemporary(path, key);
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
    public static string? DescribeExposure(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        UnixFileMode mode = File.GetUnixFileMode(path);
        return (mode & Others) == 0
            ? null
            : $"other users can read the node's key (mode {Convert.ToString((int)mode, 8)}): chmod 600 {path}";
    }

    private static string WriteTemporary(string path, PrivateKey key)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        try
        {
            using var file = new FileStream(temporary, options);
            file.Write(System.Text.Encoding.ASCII.GetBytes(key.ExportHex()));
            file.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"cannot write the key file {path}: {e.Message}");
        }

        return temporary;
    }
}
