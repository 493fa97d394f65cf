using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace DevP2P.Hosting.Rpc;

/// <summary>A method: its name, what it takes, what it gives and what it does. The dispatcher and the OpenRPC document both read this.</summary>
internal sealed class RpcMethod
{
    private readonly Func<RpcCall, ValueTask<Action<Utf8JsonWriter>>> _invoke;
    private readonly JsonTypeInfo _resultType;

    private RpcMethod(
        string name, string summary, IReadOnlyList<RpcParameter> parameters, JsonTypeInfo resultType, Func<RpcCall, ValueTask<Action<Utf8JsonWriter>>> invoke)
    {
        Name = name;
        Summary = summary;
        Parameters = parameters;
        _resultType = resultType;
        _invoke = invoke;
    }

    /// <summary>"admin_peers".</summary>
    public string Name { get; }

    /// <summary>One sentence.</summary>
    public string Summary { get; }

    /// <summary>In the order in which they are given by position; those that may be left out are the last.</summary>
    public IReadOnlyList<RpcParameter> Parameters { get; }

    /// <summary>Whether it changes what the node does: then every call is logged with its caller.</summary>
    public bool ChangesNode { get; init; }

    /// <summary>The part of the name before the underscore, or the dot of "rpc.discover".</summary>
    public string Namespace => Name[..Name.AsSpan().IndexOfAny('_', '.')];

    /// <summary>A method that may have to wait.</summary>
    public static RpcMethod Create<T>(
        string name, string summary, IReadOnlyList<RpcParameter> parameters, JsonTypeInfo<T> type, Func<RpcCall, ValueTask<T>> invoke,
        bool changesNode = false) =>
        new(name, summary, parameters, type, async call =>
        {
            T result = await invoke(call).ConfigureAwait(false);
            return writer => JsonSerializer.Serialize(writer, result, type);
        })
        {
            ChangesNode = changesNode,
        };

    /// <summary>A method that answers at once.</summary>
    public static RpcMethod Create<T>(
        string name, string summary, IReadOnlyList<RpcParameter> parameters, JsonTypeInfo<T> type, Func<RpcCall, T> invoke, bool changesNode = false) =>
        Create(name, summary, parameters, type, call => ValueTask.FromResult(invoke(call)), changesNode);

    /// <summary>Runs it. The answer is computed when this completes; what it gives back only writes it.</summary>
    public ValueTask<Action<Utf8JsonWriter>> InvokeAsync(RpcCall call) => _invoke(call);

    /// <summary>The JSON schema of the result.</summary>
    public JsonNode CreateResultSchema() => _resultType.GetJsonSchemaAsNode(new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true });
}
