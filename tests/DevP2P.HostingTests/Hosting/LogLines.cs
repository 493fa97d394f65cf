using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace DevP2P.HostingTests.Hosting;

/// <summary>A log that tests can read.</summary>
internal sealed class LogLines : ILoggerProvider
{
    private readonly ConcurrentQueue<(EventId Id, LogLevel Level, string Text)> _lines = [];

    public IEnumerable<string> WithId(int id) => _lines.Where(line => line.Id.Id == id).Select(line => line.Text);

    public IEnumerable<string> All => _lines.Select(line => line.Text);

    public ILogger CreateLogger(string categoryName) => new Logger(_lines);

    public void Dispose()
    {
    }

    private sealed class Logger(ConcurrentQueue<(EventId Id, LogLevel Level, string Text)> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue((eventId, logLevel, formatter(state, exception)));
    }
}
