using System.Text;
using DevP2P.Crypto;
using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting;

/// <summary>The node's private key on disk, in geth's format: 64 hexadecimal digits. Made with mode 0600, whole or not at all.</summary>
internal static class NodeKeyFile
{
    /// <summary>64 digits, perhaps 0x and a line end. Nothing longer is read into memory.</summary>
    private const int MaxFileBytes = 256;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Reads the key, or makes one at the first start.</summary>
    /// <exception cref="InvalidOperationException">It can neither be read nor made. The message never repeats the content.</exception>
    public static PrivateKey LoadOrCreate(string path, string option, ILogger logger)
    {
        try
        {
            if (!File.Exists(path))
            {
                Create(path);
                Log.KeyCreated(logger, path);
            }
            else if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~OwnerOnly & ~UnixFileMode.UserExecute) != 0)
            {
                Log.KeyExposed(logger, path);
            }

            return Load(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new InvalidOperationException($"{option}: cannot use the key file {path}: {e.Message}", e);
        }
    }

    private static PrivateKey Load(string path)
    {
        using FileStream file = File.OpenRead(path);
        byte[] content = new byte[MaxFileBytes + 1];
        int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        return length > MaxFileBytes
            ? throw new FormatException("a private key is 64 hexadecimal digits")
            : PrivateKey.ParseHex(Encoding.ASCII.GetString(content, 0, length));
    }

    private static void Create(string path)
    {
        string full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        string temporary = $"{full}.{Guid.NewGuid():N}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        try
        {
            using (var file = new FileStream(temporary, options))
            {
                file.Write(Encoding.ASCII.GetBytes(PrivateKey.Generate().ExportHex()));
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: false);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
