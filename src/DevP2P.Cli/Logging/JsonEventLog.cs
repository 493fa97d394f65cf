using System.Buffers;
using System.Net;
using System.Text.Json;
using DevP2P.Dialing;
using DevP2P.Nodes;

namespace DevP2P.Cli.Logging;

/// <summary>
/// What happens to a node as one JSON object a line, for scripts: <c>started</c>, every peer event with the fields of
/// Go's <c>PeerEvent</c>, <c>dial</c> for the outcome of every dial, and <c>stopped</c>. Safe for concurrent calls.
/// </summary>
/// <param name="output">Where the lines go, as UTF-8 without anything but ASCII in it.</param>
/// <param name="time">Where the time of day comes from.</param>
internal sealed class JsonEventLog(Stream output, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);

    /// <summary>The node runs.</summary>
    public void Started(Node self, string name, IEnumerable<IPEndPoint> listen, IEnumerable<string> capabilities) => Write("started", flush: true, writer =>
    {
        writer.WriteString("enode", self.ToString());
        if (self.Record is { } record)
        {
            writer.WriteString("record", record.ToString());
        }

        writer.WriteString("id", self.Id.ToString());
        writer.WriteString("name", name);
        WriteStrings(writer, "listen", listen.Select(endPoint => endPoint.ToString()));
        WriteStrings(writer, "caps", capabilities);
        writer.WriteNumber("pid", Environment.ProcessId);
    });

    /// <summary>A node that does nothing but discovery runs.</summary>
    public void Started(Node self, IPEndPoint listen) => Write("started", flush: true, writer =>
    {
        writer.WriteString("enode", self.ToString());
        writer.WriteString("record", self.Record?.ToString());
        writer.WriteString("id", self.Id.ToString());
        WriteStrings(writer, "listen", [listen.ToString()]);
        writer.WriteNumber("pid", Environment.ProcessId);
    });

    /// <summary>The admin API is served.</summary>
    public void Admin(IEnumerable<string> http, string? ipc) => Write("admin", flush: true, writer =>
    {
        WriteStrings(writer, "http", http);
        writer.WriteString("ipc", ipc);
    });

    /// <summary>The node has stopped, in good order.</summary>
    public void Stopped() => Write("stopped", flush: true, static _ => { });

    /// <summary>How an attempt to reach a node ended.</summary>
    public void Dial(DialAttempt attempt) => Write("dial", flush: true, writer =>
    {
        writer.WriteString("node", attempt.Node.ToString());
        writer.WriteString("id", attempt.Node.Id.ToString());
        writer.WriteString("stage", LogText.NameOf(attempt.Stage));
        writer.WriteBoolean("ok", attempt.Succeeded);
        writer.WriteString("reason", LogText.Cap(attempt.Reason));
        writer.WriteNumber("ms", Math.Round(attempt.Duration.TotalMilliseconds, 3));
    });

    /// <summary>One event of the server.</summary>
    /// <param name="e">The event.</param>
    /// <param name="flush">False when another one follows at once.</param>
    public void Peer(PeerEvent e, bool flush)
    {
        PeerEvent capped = e.Error is null ? e : e with { Error = LogText.Cap(e.Error) };
        JsonElement fields = JsonSerializer.SerializeToElement(capped, P2PJson.PeerEvent);
        Write(fields.GetProperty("type").GetString()!, flush, writer =>
        {
            foreach (JsonProperty field in fields.EnumerateObject())
            {
                field.WriteTo(writer);
            }
        });
    }

    /// <summary>Sends what is buffered on its way.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            FlushLocked();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Flush();

    private static void WriteStrings(Utf8JsonWriter writer, string name, IEnumerable<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }

    private void Write(string name, bool flush, Action<Utf8JsonWriter> writeFields)
    {
        lock (_gate)
        {
            using (var writer = new Utf8JsonWriter(_buffer))
            {
                writer.WriteStartObject();
                writer.WriteString("event", name);
                writer.WriteString("time", time.GetUtcNow().UtcDateTime);
                writeFields(writer);
                writer.WriteEndObject();
            }

            _buffer.Write("\n"u8);
            if (flush || _buffer.WrittenCount > 64 * 1024)
            {
                FlushLocked();
            }
        }
    }

    private void FlushLocked()
    {
        output.Write(_buffer.WrittenSpan);
        output.Flush();
        _buffer.ResetWrittenCount();
    }
}
