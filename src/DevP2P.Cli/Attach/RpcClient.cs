using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using System.Threading.Channels;

namespace DevP2P.Cli.Attach;

/// <summary>A client of a node's admin API: calls with their answers, and the events of subscriptions.</summary>
internal sealed class RpcClient : IAsyncDisposable
{
    /// <summary>More than the node would send.</summary>
    public const int MaxMessageBytes = 16 * 1024 * 1024;

    /// <summary>Events that wait to be read; then the node is read no further, and counts what it drops.</summary>
    private const int MaxQueuedEvents = 1024;

    /// <summary>Longer than any method takes.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(150);

    private readonly IRpcLink _link;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<JsonElement>> _calls = new();
    private readonly Channel<JsonElement> _events = Channel.CreateBounded<JsonElement>(MaxQueuedEvents);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _reading;
    private long _lastId;

    /// <param name="link">The connection. Belongs to the client from now on.</param>
    /// <param name="target">What the person calls it.</param>
    public RpcClient(IRpcLink link, string target)
    {
        _link = link;
        Target = target;
        _reading = ReadAsync();
    }

    /// <summary>What the person calls the other side.</summary>
    public string Target { get; }

    /// <summary>The results of all notifications, until the connection ends.</summary>
    public IAsyncEnumerable<JsonElement> Events => _events.Reader.ReadAllAsync();

    /// <summary>Calls a method.</summary>
    /// <param name="method">Its name.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="parameters">Each as JSON.</param>
    /// <exception cref="CliException">The node answers with an error, or not at all.</exception>
    public async Task<JsonElement> CallAsync(string method, CancellationToken cancellationToken, params string[] parameters)
    {
        long id = Interlocked.Increment(ref _lastId);
        var waiter = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[id] = waiter;
        JsonElement answer;
        try
        {
            await _link.SendAsync(Write(id, method, parameters), cancellationToken);
            if (_reading.IsCompleted)
            {
                throw new IOException("the connection has ended");
            }

            answer = await waiter.Task.WaitAsync(s_timeout, cancellationToken);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            throw new CliException($"{Target}: {e.Message}");
        }
        finally
        {
            _calls.TryRemove(id, out _);
        }

        return answer.TryGetProperty("error", out JsonElement error)
            ? throw new CliException($"{method}: {error.GetProperty("message").GetString()} ({error.GetProperty("code").GetRawText()})")
            : answer.GetProperty("result");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _link.DisposeAsync();
        await _reading;
    }

    private static ReadOnlyMemory<byte> Write(long id, string method, string[] parameters)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("jsonrpc", "2.0");
            writer.WriteNumber("id", id);
            writer.WriteString("method", method);
            writer.WriteStartArray("params");
            foreach (string parameter in parameters)
            {
                writer.WriteRawValue(parameter);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    private async Task ReadAsync()
    {
        string reason = "the connection has ended";
        try
        {
            while (await _link.ReceiveAsync(_stop.Token) is { } message)
            {
                using JsonDocument document = JsonDocument.Parse(message);
                await TakeAsync(document.RootElement.Clone());
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or JsonException or ObjectDisposedException)
        {
            reason = e is JsonException ? "the other side does not speak JSON" : e.Message;
        }

        _events.Writer.TryComplete();
        foreach (TaskCompletionSource<JsonElement> waiter in _calls.Values)
        {
            waiter.TrySetException(new IOException(reason));
        }
    }

    private async Task TakeAsync(JsonElement message)
    {
        if (message.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        if (message.TryGetProperty("method", out _) && message.TryGetProperty("params", out JsonElement parameters)
            && parameters.TryGetProperty("result", out JsonElement result))
        {
            await _events.Writer.WriteAsync(result, _stop.Token);
        }
        else if (message.TryGetProperty("id", out JsonElement id) && id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out long number)
            && _calls.TryGetValue(number, out TaskCompletionSource<JsonElement>? waiter))
        {
            waiter.TrySetResult(message);
        }
    }
}
