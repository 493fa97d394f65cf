using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting.Rpc;

/// <summary>
/// JSON-RPC 2.0: takes the bytes of a request, runs what is in it, and writes the answer. Knows nothing of how the bytes travel. The
/// specification is https://www.jsonrpc.org/specification; where it leaves a choice, this does as geth does.
/// </summary>
internal sealed class RpcDispatcher(RpcMethodTable methods, ILogger logger)
{
    private static readonly JsonDocumentOptions s_documentOptions = new() { MaxDepth = RpcLimits.MaxDepth };

    /// <summary>Runs a request: a call, a notification or a batch of them.</summary>
    /// <param name="request">One JSON value.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="response">Where the answer goes. It stays empty when there is none, as for notifications.</param>
    /// <param name="cancellationToken">Cancelled when the caller has gone.</param>
    public async Task DispatchAsync(ReadOnlyMemory<byte> request, RpcCaller caller, RpcBuffer response, CancellationToken cancellationToken)
    {
        JsonDocument document;
        try
        {
            // The parser looks at the bytes of a text only when it is asked for, which would be too late.
            document = Utf8.IsValid(request.Span) ? JsonDocument.Parse(request, s_documentOptions) : throw new JsonException();
        }
        catch (JsonException)
        {
            WriteError(response, default, RpcErrorCode.Parse, "parse error");
            return;
        }

        using (document)
        {
            if (document.RootElement.ValueKind == JsonValueKind.Array)
            {
                await DispatchBatchAsync(document.RootElement, caller, response, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await DispatchOneAsync(document.RootElement, caller, response, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>An answer without a call: the request itself was refused.</summary>
    public static void WriteError(RpcBuffer response, JsonElement id, int code, string message)
    {
        using var writer = new Utf8JsonWriter(response);
        writer.WriteStartObject();
        writer.WriteString("jsonrpc"u8, "2.0"u8);
        WriteId(writer, id);
        writer.WriteStartObject("error"u8);
        writer.WriteNumber("code"u8, code);
        writer.WriteString("message"u8, message);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private async Task DispatchBatchAsync(JsonElement batch, RpcCaller caller, RpcBuffer response, CancellationToken cancellationToken)
    {
        int count = batch.GetArrayLength();
        if (count == 0)
        {
            WriteError(response, default, RpcErrorCode.InvalidRequest, "empty batch");
            return;
        }

        bool isFirst = true;
        if (count > RpcLimits.MaxBatch)
        {
            // There is no way to refuse a batch as such; like geth, the first call's id stands for it.
            JsonElement first = batch.EnumerateArray().FirstOrDefault(item => item.ValueKind == JsonValueKind.Object && HasValidId(item, out _));
            BeginItem(response, ref isFirst);
            WriteError(response, first.ValueKind == JsonValueKind.Object ? first.GetProperty("id"u8) : default, RpcErrorCode.LimitExceeded, "batch too large");
            response.Write("]"u8);
            return;
        }

        foreach (JsonElement item in batch.EnumerateArray())
        {
            int start = response.Length;
            BeginItem(response, ref isFirst);
            int before = response.Length;
            await DispatchOneAsync(item, caller, response, cancellationToken).ConfigureAwait(false);
            if (response.Length == before)
            {
                isFirst = start == 0;
                response.Truncate(start);
            }
        }

        if (!isFirst)
        {
            response.Write("]"u8);
        }
    }

    private static void BeginItem(RpcBuffer response, ref bool isFirst)
    {
        response.Write(isFirst ? "["u8 : ","u8);
        isFirst = false;
    }

    private async Task DispatchOneAsync(JsonElement request, RpcCaller caller, RpcBuffer response, CancellationToken cancellationToken)
    {
        JsonElement id = default;
        bool hasId = request.ValueKind == JsonValueKind.Object && HasValidId(request, out id);
        if (!IsRequest(request, out string? name, out bool isNotification))
        {
            WriteError(response, hasId ? id : default, RpcErrorCode.InvalidRequest, "invalid request");
            return;
        }

        int start = response.Length;
        try
        {
            Action<Utf8JsonWriter> result = await InvokeAsync(name!, request, caller, cancellationToken).ConfigureAwait(false);
            if (!isNotification)
            {
                WriteResult(response, id, result);
                if (response.Length > RpcLimits.MaxResponseBytes)
                {
                    throw new RpcException(RpcErrorCode.ResponseTooLarge, "response too large");
                }
            }
        }
        catch (RpcException e)
        {
            response.Truncate(start);
            if (!isNotification)
            {
                WriteError(response, id, e.Code, e.Message);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A defect of one method costs one answer. The log has it; the caller is told nothing of our insides.
            RpcLog.MethodDefect(logger, name!, e);
            response.Truncate(start);
            if (!isNotification)
            {
                WriteError(response, id, RpcErrorCode.Internal, "internal error");
            }
        }
    }

    private async ValueTask<Action<Utf8JsonWriter>> InvokeAsync(string name, JsonElement request, RpcCaller caller, CancellationToken cancellationToken)
    {
        if (!caller.Rate.TryTake())
        {
            throw RpcException.Limit("too many calls, try again later");
        }

        if (methods.Find(name) is not { } method)
        {
            throw new RpcException(RpcErrorCode.MethodNotFound, $"the method {name} does not exist/is not available");
        }

        request.TryGetProperty("params"u8, out JsonElement parameters);
        RpcCall call = RpcCall.Bind(method, parameters, caller, cancellationToken);
        if (method.ChangesNode)
        {
            string text = parameters.ValueKind == JsonValueKind.Undefined ? "" : parameters.GetRawText();
            RpcLog.Changes(logger, name, caller.ToString(), text.Length > RpcLimits.MaxLoggedText ? text[..RpcLimits.MaxLoggedText] + "..." : text);
        }

        return await method.InvokeAsync(call).ConfigureAwait(false);
    }

    private static bool IsRequest(JsonElement request, out string? method, out bool isNotification)
    {
        method = null;
        isNotification = false;
        if (request.ValueKind != JsonValueKind.Object
            || !request.TryGetProperty("jsonrpc"u8, out JsonElement version) || version.ValueKind != JsonValueKind.String || !version.ValueEquals("2.0"u8)
            || !request.TryGetProperty("method"u8, out JsonElement name) || name.ValueKind != JsonValueKind.String)
        {
            return false;
        }

        isNotification = !request.TryGetProperty("id"u8, out _);
        try
        {
            method = name.GetString();
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair.
            return false;
        }

        return method is { Length: > 0 and <= RpcLimits.MaxMethodName } && (isNotification || HasValidId(request, out _));
    }

    private static bool HasValidId(JsonElement request, out JsonElement id) =>
        request.TryGetProperty("id"u8, out id) && id.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.Null;

    private static void WriteResult(RpcBuffer response, JsonElement id, Action<Utf8JsonWriter> result)
    {
        using var writer = new Utf8JsonWriter(response);
        writer.WriteStartObject();
        writer.WriteString("jsonrpc"u8, "2.0"u8);
        WriteId(writer, id);
        writer.WritePropertyName("result"u8);
        result(writer);
        writer.WriteEndObject();
    }

    /// <summary>The id as it came, digit for digit.</summary>
    private static void WriteId(Utf8JsonWriter writer, JsonElement id)
    {
        writer.WritePropertyName("id"u8);
        if (id.ValueKind == JsonValueKind.Undefined)
        {
            writer.WriteNullValue();
        }
        else
        {
            writer.WriteRawValue(id.GetRawText(), skipInputValidation: true);
        }
    }
}
