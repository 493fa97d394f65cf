using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace DevP2P.Cli.Logging;

/// <summary>
/// Logs for people: one line each with time, level, message and <c>key=value</c> pairs, ids shortened, foreign text
/// escaped and capped. A message's template is filled in here and not by the caller's formatter, so that no value gets
/// past the escaping.
/// </summary>
/// <param name="output">Where lines go. Its calls are serialised here.</param>
/// <param name="minimum">Less important messages are dropped.</param>
/// <param name="time">Where the time of day comes from.</param>
internal sealed class ConsoleLog(TextWriter output, LogLevel minimum, TimeProvider time) : ILoggerFactory
{
    private readonly Lock _gate = new();

    private LogLevel Minimum => minimum;

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Logger(this);

    /// <summary>Not supported: this factory is its own and only provider.</summary>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            output.Flush();
        }
    }

    /// <summary>Reads a verbosity: geth's numbers 0 to 5, or names.</summary>
    public static bool TryParseVerbosity(string text, out LogLevel level)
    {
        LogLevel? parsed = text.Trim().ToLowerInvariant() switch
        {
            "0" or "silent" or "none" => LogLevel.None,
            "1" or "error" => LogLevel.Error,
            "2" or "warn" or "warning" => LogLevel.Warning,
            "3" or "info" => LogLevel.Information,
            "4" or "debug" => LogLevel.Debug,
            "5" or "trace" or "detail" => LogLevel.Trace,
            _ => null,
        };
        level = parsed ?? LogLevel.Information;
        return parsed is not null;
    }

    private void Write(LogLevel level, string? template, IReadOnlyList<KeyValuePair<string, object?>>? values, string? plain, Exception? exception)
    {
        var line = new StringBuilder(160);
        line.Append(CultureInfo.InvariantCulture, $"{time.GetLocalNow():HH:mm:ss.fff} {NameOf(level)} ");
        if (template is null || values is null)
        {
            LogText.AppendEscaped(line, plain ?? "");
        }
        else
        {
            HashSet<string> used = AppendTemplate(line, template, values);
            foreach ((string key, object? value) in values)
            {
                if (key != "{OriginalFormat}" && !used.Contains(key))
                {
                    line.Append(' ');
                    LogText.AppendPair(line, key, value);
                }
            }
        }

        if (exception is not null)
        {
            line.Append(' ');
            LogText.AppendPair(line, "error", exception);
            if (minimum <= LogLevel.Trace)
            {
                line.Append(' ');
                LogText.AppendEscaped(line, exception.StackTrace ?? "", 16 * LogText.MaxValueLength);
            }
        }

        lock (_gate)
        {
            output.WriteLine(line);
        }
    }

    /// <summary>
    /// Fills in <c>{Name}</c> and <c>{Name:format}</c>; formats are left to <see cref="LogText"/>. A template may write
    /// <c>key={Name}</c> itself: the value is then quoted like that of any pair.
    /// </summary>
    private static HashSet<string> AppendTemplate(StringBuilder line, string template, IReadOnlyList<KeyValuePair<string, object?>> values)
    {
        var used = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        ReadOnlySpan<char> rest = template;
        while (!rest.IsEmpty)
        {
            int open = rest.IndexOfAny('{', '}');
            if (open < 0)
            {
                line.Append(rest);
                break;
            }

            line.Append(rest[..open]);
            int close = rest[open..].IndexOf('}');
            if (open + 1 < rest.Length && rest[open + 1] == rest[open])
            {
                line.Append(rest[open]);
                rest = rest[(open + 2)..];
            }
            else if (rest[open] == '}' || close < 0)
            {
                line.Append(rest[open]);
                rest = rest[(open + 1)..];
            }
            else
            {
                ReadOnlySpan<char> hole = rest.Slice(open + 1, close - 1);
                int colon = hole.IndexOfAny(':', ',');
                string name = (colon < 0 ? hole : hole[..colon]).ToString();
                used.Add(name);
                if (line[^1] == '=')
                {
                    LogText.AppendQuoted(line, Find(values, name));
                }
                else
                {
                    LogText.AppendValue(line, Find(values, name));
                }

                rest = rest[(open + close + 1)..];
            }
        }

        return used;
    }

    private static object? Find(IReadOnlyList<KeyValuePair<string, object?>> values, string name)
    {
        foreach ((string key, object? value) in values)
        {
            if (string.Equals(key, name, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return null;
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "TRACE",
        LogLevel.Debug => "DEBUG",
        LogLevel.Information => "INFO ",
        LogLevel.Warning => "WARN ",
        _ => "ERROR",
    };

    private sealed class Logger(ConsoleLog owner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None && logLevel >= owner.Minimum;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            var values = state as IReadOnlyList<KeyValuePair<string, object?>>;
            string? template = values is null ? null : Find(values, "{OriginalFormat}") as string;
            owner.Write(logLevel, template, values, template is null ? formatter(state, exception) : null, exception);
        }
    }
}
