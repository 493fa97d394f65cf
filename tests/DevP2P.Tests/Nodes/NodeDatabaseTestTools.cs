using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Tests.Nodes;

/// <summary>A line of the log.</summary>
internal sealed record LogLine(LogLevel Level, int Id, string Text);

/// <summary>Keeps what is logged.</summary>
internal sealed class LogLines : ILoggerFactory, ILogger
{
    public ConcurrentQueue<LogLine> Lines { get; } = new();

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Enqueue(new LogLine(logLevel, eventId.Id, formatter(state, exception)));

    public void Dispose()
    {
    }
}

/// <summary>
/// With a path in its environment, this test program is no test program but fills that node database until it is killed, and
/// says after each flush how many rounds are on disk.
/// </summary>
internal static class NodeDatabaseWriterProcess
{
    public const string Variable = "DEVP2P_TEST_NODE_DATABASE";
    public const int NodesPerRound = 20;

    [ModuleInitializer]
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } path)
        {
            return;
        }

        NodeDatabase database = NodeDatabase.Open(path, new NodeDatabaseOptions { MaxNodes = 1_000_000 });
        int round = database.GetMeta("rounds") is { } bytes ? BitConverter.ToInt32(bytes) : 0;
        while (database.Path is not null)
        {
            for (int i = 0; i < NodesPerRound; i++)
            {
                database.RecordPong(NodeDatabaseTests.NewId(), IPAddress.Loopback);
            }

            database.SetMeta("rounds", BitConverter.GetBytes(++round));
            if (!database.FlushAsync().GetAwaiter().GetResult())
            {
                break;
            }

            Console.WriteLine(round);
        }

        Environment.Exit(0);
    }
}
