using System.Text.Json;
using System.Text.Json.Nodes;

namespace DevP2P.Hosting.Rpc;

/// <summary>One parameter of a method: what the OpenRPC document says of it, and how it is read.</summary>
/// <param name="name">Its name, for calls by name and for the document.</param>
/// <param name="summary">One line.</param>
/// <param name="isRequired">Whether a call must have it. Only the last ones may be left out.</param>
internal abstract class RpcParameter(string name, string summary, bool isRequired)
{
    public string Name => name;

    public string Summary => summary;

    public bool IsRequired => isRequired;

    /// <summary>Its JSON schema; a new one with each call, as a node has one parent.</summary>
    public abstract JsonObject CreateSchema();

    /// <summary>Says what is wrong with a value, or nothing.</summary>
    public abstract void Check(JsonElement value, int index);
}

/// <summary>A parameter that is read as a <typeparamref name="T"/>.</summary>
/// <param name="name">Its name.</param>
/// <param name="summary">One line.</param>
/// <param name="isRequired">Whether a call must have it.</param>
/// <param name="schema">Its JSON schema.</param>
/// <param name="read">Reads a value that is not null; throws <see cref="FormatException"/> with what would be right.</param>
internal sealed class RpcParameter<T>(string name, string summary, bool isRequired, Func<JsonObject> schema, Func<JsonElement, T> read)
    : RpcParameter(name, summary, isRequired)
{
    public override JsonObject CreateSchema() => schema();

    public override void Check(JsonElement value, int index) => Read(value, index);

    public T Read(JsonElement value, int index)
    {
        try
        {
            return read(value);
        }
        catch (FormatException e)
        {
            throw RpcException.InvalidParams($"invalid argument {index}: {e.Message}");
        }
    }
}
