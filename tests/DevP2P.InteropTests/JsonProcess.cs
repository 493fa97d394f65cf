using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace DevP2P.InteropTests;

/// <summary>
/// A child process that prints one JSON object a line on stdout: events are kept in order until a test asks for them,
/// every wait has a deadline, and a wait that fails says what did come instead.
/// </summary>
internal sealed class JsonProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_defaultDeadline = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly string _eventProperty;
    private readonly object _gate = new();
    private readonly List<JsonElement> _events = [];
    private readonly StringBuilder _errors = new();
    private readonly Task _pump;
    private TaskCompletionSource _changed = NewSignal();

    private JsonProcess(Process process, string eventProperty)
    {
        _process = process;
        _eventProperty = eventProperty;
        _pump = Task.WhenAll(PumpEventsAsync(), PumpErrorsAsync());
    }

    /// <summary>Starts a program whose lines carry the event's name in <paramref name="eventProperty"/>.</summary>
    public static JsonProcess Start(string program, IEnumerable<string> arguments, string workingDirectory, string eventProperty)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        };
        try
        {
            return new JsonProcess(Process.Start(start)!, eventProperty);
        }
        catch (Win32Exception exception)
        {
            throw new InvalidOperationException($"'{program}' did not start; ./test installs what the interop tests need.", exception);
        }
    }

    public int ExitCode => _process.ExitCode;

    public void WriteLine(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    /// <summary>Takes the oldest event of that name (and for which <paramref name="matches"/> holds), waiting if need be.</summary>
    public async Task<JsonElement> NextAsync(string name, Func<JsonElement, bool>? matches = null, TimeSpan? deadline = null)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan limit = deadline ?? s_defaultDeadline;
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                int index = _events.FindIndex(e => e.GetProperty(_eventProperty).GetString() == name && (matches is null || matches(e)));
                if (index >= 0)
                {
                    JsonElement found = _events[index];
                    _events.RemoveAt(index);
                    return found;
                }
                changed = _changed.Task;
            }
            TimeSpan left = limit - Stopwatch.GetElapsedTime(start);
            if (_pump.IsCompleted || left <= TimeSpan.Zero)
            {
                throw new TimeoutException(Describe($"no '{name}'" + (_pump.IsCompleted ? " before it ended" : $" within {limit}")));
            }
            await Task.WhenAny(changed, _pump, Task.Delay(left, TestContext.Current.CancellationToken));
        }
    }

    /// <summary>The events of that name that nobody has taken yet.</summary>
    public int Pending(string name)
    {
        lock (_gate)
        {
            return _events.Count(e => e.GetProperty(_eventProperty).GetString() == name);
        }
    }

    public async Task WaitForExitAsync(TimeSpan? deadline = null)
    {
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        cancellation.CancelAfter(deadline ?? s_defaultDeadline);
        await _process.WaitForExitAsync(cancellation.Token);
        await _pump;
    }

    public int Id => _process.Id;

    /// <summary>What the process has said that no test has taken, and the end of its stderr.</summary>
    public string Describe(string complaint)
    {
        lock (_gate)
        {
            string errors = _errors.ToString();
            return $"{complaint}; events left: [{string.Join(", ", _events)}]; stderr: {errors[Math.Max(0, errors.Length - 2000)..]}";
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }
        await _process.WaitForExitAsync(CancellationToken.None);
        await _pump;
        _process.Dispose();
    }

    private async Task PumpEventsAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            Add(line);
        }
    }

    private async Task PumpErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_gate)
            {
                _errors.AppendLine(line);
            }
        }
    }

    private void Add(string line)
    {
        lock (_gate)
        {
            try
            {
                JsonElement parsed = JsonElement.Parse(line);
                if (parsed.ValueKind == JsonValueKind.Object && parsed.TryGetProperty(_eventProperty, out _))
                {
                    _events.Add(parsed);
                }
            }
            catch (JsonException)
            {
                _errors.AppendLine("not JSON: " + line);
            }
            _changed.TrySetResult();
            _changed = NewSignal();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
