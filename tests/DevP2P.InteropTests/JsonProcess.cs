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
    private readonly Lock _gate = new();
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

    /// <summary>Starts a script of <c>peers</c>, which needs an npm package.</summary>
    public static JsonProcess StartPeer(string script, string package, IEnumerable<string> arguments)
    {
        string directory = Path.Combine(Repository.Root, "tests", "DevP2P.InteropTests", "peers");
        if (!Directory.Exists(Path.Combine(directory, "node_modules", package)))
        {
            throw new InvalidOperationException("The npm packages of the foreign peers are not installed: run ./test, which does that.");
        }
        return Start("node", [script, .. arguments], directory, "event");
    }

    public int ExitCode => _process.ExitCode;

    public void WriteLine(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    /// <summary>
    /// Takes the oldest event of that name, waiting if need be. The wait fails at once when the process ends, or when an
    /// event <paramref name="unless"/> is there that rules the other out.
    /// </summary>
    public async Task<JsonElement> NextAsync(string name, string? unless = null, TimeSpan? deadline = null)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan limit = deadline ?? s_defaultDeadline;
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                int index = _events.FindIndex(e => NameOf(e) == name);
                if (index >= 0)
                {
                    JsonElement found = _events[index];
                    _events.RemoveAt(index);
                    return found;
                }
                changed = _changed.Task;
            }

            TimeSpan left = limit - Stopwatch.GetElapsedTime(start);
            bool isEnded = _pump.IsCompleted;
            if (isEnded || left <= TimeSpan.Zero || (unless is not null && Pending(unless) > 0))
            {
                throw new TimeoutException(Describe($"no '{name}'" + (isEnded ? " before it ended" : $" in {limit - left}")));
            }
            await Task.WhenAny(changed, _pump, Task.Delay(left, TestContext.Current.CancellationToken));
        }
    }

    /// <summary>The events of that name that nobody has taken yet.</summary>
    public int Pending(string name)
    {
        lock (_gate)
        {
            return _events.Count(e => NameOf(e) == name);
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

    private string? NameOf(JsonElement item) => item.GetProperty(_eventProperty).GetString();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
