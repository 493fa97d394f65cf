using System.Security.Cryptography;
using System.Text;

namespace DevP2P.Hosting.Security;

/// <summary>The secret that callers show. Only its hash is kept, and compared in constant time.</summary>
internal sealed class AdminToken
{
    /// <summary>Fewer characters can be guessed.</summary>
    public const int MinLength = 16;

    /// <summary>More would be no token but a wrong file.</summary>
    public const int MaxLength = 512;

    private const int RandomBytes = 32;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others = (UnixFileMode)0b111_111;

    private readonly byte[] _hash;

    private AdminToken(string token) => _hash = SHA256.HashData(Encoding.UTF8.GetBytes(token));

    /// <summary>The token that the options ask for, or null.</summary>
    /// <exception cref="P2PException">It cannot be read or made, is too short, or others on this machine can read it.</exception>
    public static AdminToken? FromOptions(AdminOptions options)
    {
        if (options.TokenFile is { } file)
        {
            return new AdminToken(LoadOrCreate(file));
        }

        return options.Token is not { } token ? null
            : Describe(token) is { } problem ? throw new P2PException($"the admin token {problem}")
            : new AdminToken(token);
    }

    /// <summary>Whether this is the token. Takes as long for every wrong one.</summary>
    public bool Matches(ReadOnlySpan<char> text)
    {
        if (text.Length > MaxLength)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[4 * MaxLength];
        int length = Encoding.UTF8.GetBytes(text, bytes);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes[..length], hash);
        return CryptographicOperations.FixedTimeEquals(hash, _hash);
    }

    /// <summary>Reads a token file, or makes one with a random token.</summary>
    /// <exception cref="P2PException">It can neither be read nor made, or must not be used.</exception>
    public static string LoadOrCreate(string path)
    {
        try
        {
            if (!File.Exists(path))
            {
                Create(path);
            }

            return Load(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new P2PException($"the token file {path} cannot be used: {e.Message}", e);
        }
    }

    private static void Create(string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory)
        {
            Directory.CreateDirectory(directory);
        }

        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        using var file = new FileStream(path, options);
        file.Write(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomBytes)) + "\n"));
        file.Flush(flushToDisk: true);
    }

    private static string Load(string path)
    {
        using FileStream file = File.OpenRead(path);
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file.SafeFileHandle) & Others) != 0)
        {
            throw new P2PException($"the token file {path} can be used by others on this machine: chmod 600 {path}");
        }

        byte[] content = new byte[MaxLength + 3];
        int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        string token = Encoding.ASCII.GetString(content, 0, length).TrimEnd('\r', '\n');
        return Describe(token) is { } problem ? throw new P2PException($"the token in {path} {problem}") : token;
    }

    private static string? Describe(string token) =>
        token.Length is < MinLength or > MaxLength || token.Any(c => c is <= ' ' or > '~')
            ? $"must have {MinLength} to {MaxLength} printable ASCII characters and no blanks"
            : null;
}
