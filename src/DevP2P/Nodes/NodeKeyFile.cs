using System.Runtime.InteropServices;
using System.Text;
using DevP2P.Crypto;

namespace DevP2P.Nodes;

/// <summary>
/// A node's private key on disk, in geth's format: 64 hexadecimal digits. A key file appears whole or not at all, with mode 0600 from its
/// first moment, and never replaces another one. For the command and for hosting, which say what went wrong in words of their own.
/// </summary>
internal static partial class NodeKeyFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>64 digits, perhaps 0x and a line end. Nothing that much longer is a key, and nothing else is read into memory.</summary>
    private const int MaxFileBytes = 256;

    /// <summary>Reads the key, or makes one on first start, in a directory that exists.</summary>
    /// <returns>The key, and whether it is new.</returns>
    /// <exception cref="FormatException">The file's content is not a key. The content is never repeated.</exception>
    /// <exception cref="IOException">It can neither be read nor made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may neither be read nor made.</exception>
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
        catch (IOException) when (File.Exists(path))
        {
            // Another process started at the same moment and was first.
            return (Load(path), false);
        }
    }

    /// <summary>Reads a key. Throws as <see cref="LoadOrCreate"/>.</summary>
    public static PrivateKey Load(string path)
    {
        using FileStream file = File.OpenRead(path);
        byte[] content = new byte[MaxFileBytes + 1];
        int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        return length > MaxFileBytes
            ? throw new FormatException("a private key is 64 hexadecimal digits")
            : PrivateKey.ParseHex(Encoding.ASCII.GetString(content, 0, length));
    }

    /// <summary>Makes a new key and its file. Throws as <see cref="LoadOrCreate"/>, also if the file exists.</summary>
    public static PrivateKey Create(string path)
    {
        PrivateKey key = PrivateKey.Generate();
        string temporary = WriteTemporary(path, key);
        try
        {
            Publish(temporary, path);
        }
        finally
        {
            File.Delete(temporary);
        }

        return key;
    }

    /// <summary>Writes a key beside its file, under a name of its own.</summary>
    /// <returns>That name.</returns>
    public static string WriteTemporary(string path, PrivateKey key)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        using var file = new FileStream(temporary, options);
        file.Write(Encoding.ASCII.GetBytes(key.ExportHex()));
        file.Flush(flushToDisk: true);
        return temporary;
    }

    /// <summary>The file's mode, if others on this machine can read or write it; null when all is well.</summary>
    public static UnixFileMode? FindExposure(string path) =>
        !OperatingSystem.IsWindows() && File.GetUnixFileMode(path) is var mode && (mode & Others) != 0 ? mode : null;

    /// <summary>
    /// Gives a file a second, final name unless that is taken, in one step: two starts at once cannot overwrite each other's key. On
    /// Unix that takes a link, because <see cref="File.Move(string, string, bool)"/> looks first and renames then.
    /// </summary>
    private static void Publish(string temporary, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            File.Move(temporary, path, overwrite: false);
        }
        else if (Link(temporary, path) != 0)
        {
            throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
        }
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string name);
}
