using System.Globalization;
using System.Text;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;

namespace DevP2P.Cli.Logging;

/// <summary>
/// Turns values into text that is safe on a terminal and in a log file (T07, CVE-2022-29177): whatever a remote node
/// says is one line, without control characters, and never longer than a limit.
/// </summary>
internal static class LogText
{
    /// <summary>Longest rendering of one value, in characters. Longer ones end in an ellipsis and the number of characters left out.</summary>
    public const int MaxValueLength = 256;

    /// <summary>From this many hexadecimal digits on a run is taken for an id or a key, and shortened.</summary>
    private const int IdDigits = 64;

    /// <summary>What remains of an id: enough to find it in a list of peers.</summary>
    private const int ShortIdDigits = 16;

    /// <summary>Appends a value as part of a sentence.</summary>
    public static void AppendValue(StringBuilder line, object? value)
    {
        switch (value)
        {
            case null:
                line.Append("none");
                break;
            case NodeId id:
                line.Append(id.ToShortString());
                break;
            case PublicKey key:
                line.Append(key.NodeId.ToShortString());
                break;
            case Exception e:
                AppendEscaped(line, Describe(e));
                break;
            case DialStage stage:
                line.Append(NameOf(stage));
                break;
            case TimeSpan time:
                line.Append(FormatDuration(time));
                break;
            case IFormattable number:
                AppendEscaped(line, number.ToString(null, CultureInfo.InvariantCulture));
                break;
            default:
                AppendEscaped(line, value.ToString() ?? "");
                break;
        }
    }

    /// <summary>Appends <c>key=value</c>.</summary>
    public static void AppendPair(StringBuilder line, string key, object? value)
    {
        line.Append(key).Append('=');
        AppendQuoted(line, value);
    }

    /// <summary>Appends a value, in quotes when it is empty or has a space, a quote or an equals sign in it.</summary>
    public static void AppendQuoted(StringBuilder line, object? value)
    {
        int start = line.Length;
        AppendValue(line, value);
        bool quote = line.Length == start;
        for (int i = start; i < line.Length && !quote; i++)
        {
            quote = line[i] is ' ' or '"' or '=';
        }

        if (quote)
        {
            line.Replace("\"", "\\\"", start, line.Length - start);
            line.Insert(start, '"').Append('"');
        }
    }

    /// <summary>A foreign text as one harmless line of bounded length.</summary>
    public static string Escape(string text, int maxLength = MaxValueLength)
    {
        var result = new StringBuilder(Math.Min(text.Length, maxLength) + 8);
        AppendEscaped(result, text, maxLength);
        return result.ToString();
    }

    /// <summary>A foreign text of bounded length for JSON, whose encoder does the escaping.</summary>
    public static string Cap(string text)
    {
        if (text.Length <= MaxValueLength)
        {
            return text;
        }

        int end = char.IsHighSurrogate(text[MaxValueLength - 1]) ? MaxValueLength - 1 : MaxValueLength;
        return text[..end] + "…";
    }

    /// <summary>Appends a foreign text, escaped, ids in it shortened, and cut off at <paramref name="maxLength"/>.</summary>
    public static void AppendEscaped(StringBuilder line, ReadOnlySpan<char> text, int maxLength = MaxValueLength)
    {
        int limit = line.Length + maxLength;
        for (int i = 0; i < text.Length;)
        {
            if (line.Length >= limit)
            {
                line.Append(CultureInfo.InvariantCulture, $"…({text.Length - i} more)");
                return;
            }

            int digits = CountHexDigits(text[i..]);
            if (digits >= IdDigits)
            {
                line.Append(text.Slice(i, ShortIdDigits)).Append('…');
                i += digits;
                continue;
            }

            // A run of hexadecimal digits too short to be an id goes through the same way as any other text, but at once,
            // or else counting it again from each of its digits would make this quadratic.
            int end = i + Math.Max(digits, 1);
            while (i < end && line.Length < limit)
            {
                i += AppendRune(line, text[i..]);
            }
        }
    }

    /// <summary>What went wrong, in one line without a stack trace: the messages of the exception and its causes.</summary>
    public static string Describe(Exception exception)
    {
        string text = MessageOf(exception);
        Exception? inner = exception.InnerException;

        // That something was disposed is how a connection is aborted here, and never the cause.
        while (inner is not null and not ObjectDisposedException && text.Length < MaxValueLength)
        {
            string message = MessageOf(inner);
            if (!text.Contains(message, StringComparison.Ordinal))
            {
                text += ": " + message;
            }

            inner = inner.InnerException;
        }

        return text;
    }

    /// <summary>How far a dial came.</summary>
    public static string NameOf(DialStage stage) => stage switch
    {
        DialStage.Resolve => "resolve",
        DialStage.Connect => "connect",
        DialStage.EncryptionHandshake => "encryption-handshake",
        DialStage.ProtocolHandshake => "protocol-handshake",
        _ => "admitted",
    };

    /// <summary>850us, 12.3ms, 4.56s: three digits say enough.</summary>
    public static string FormatDuration(TimeSpan time)
    {
        double seconds = time.TotalSeconds;
        return Math.Abs(seconds) switch
        {
            < 1e-3 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1e6:G3}us"),
            < 1 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1e3:G3}ms"),
            < 100 => string.Create(CultureInfo.InvariantCulture, $"{seconds:G3}s"),
            _ => time.ToString("c", CultureInfo.InvariantCulture),
        };
    }

    /// <summary>Without the "(Parameter 'x')" that .NET appends: what this library's options say names them already.</summary>
    private static string MessageOf(Exception exception)
    {
        int end = exception is ArgumentException { ParamName: { } name }
            ? exception.Message.LastIndexOf($" (Parameter '{name}')", StringComparison.Ordinal)
            : -1;
        return end < 0 ? exception.Message : exception.Message[..end];
    }

    private static int CountHexDigits(ReadOnlySpan<char> text)
    {
        int count = 0;
        while (count < text.Length && char.IsAsciiHexDigit(text[count]))
        {
            count++;
        }

        return count;
    }

    /// <summary>Appends the first character of the text, escaped if need be, and says how long it was.</summary>
    private static int AppendRune(StringBuilder line, ReadOnlySpan<char> text)
    {
        if (Rune.DecodeFromUtf16(text, out Rune rune, out int length) != System.Buffers.OperationStatus.Done || !IsHarmless(rune))
        {
            foreach (char c in text[..length])
            {
                line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
        }
        else if (rune.Value == '\\')
        {
            line.Append("\\\\");
        }
        else
        {
            line.Append(text[..length]);
        }

        return length;
    }

    /// <summary>Not a control character, not an invisible one, and not one that reorders the line (bidirectional overrides).</summary>
    private static bool IsHarmless(Rune rune) => rune.Value is >= 0x20 and < 0x7f || Rune.GetUnicodeCategory(rune) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark);
}
