using System.Globalization;

namespace DevP2P.Cli.Configuration;

/// <summary>Numbers of bytes as people write them.</summary>
internal static class ByteSize
{
    /// <summary>"1500", "512K", "10M", "2G": whole numbers; the letters, large or small, stand for powers of 1024.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch
        {
            'K' => 10,
            'M' => 20,
            'G' => 30,
            _ => 0,
        };
        if (!long.TryParse(text.AsSpan(0, text.Length - (shift > 0 ? 1 : 0)), NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            || number > long.MaxValue >> shift)
        {
            return false;
        }

        bytes = number << shift;
        return true;
    }
}
