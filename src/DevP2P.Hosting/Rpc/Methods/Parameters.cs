using System.Text.Json;
using System.Text.Json.Nodes;
using DevP2P.Nodes;

namespace DevP2P.Hosting.Rpc;

/// <summary>Kinds of parameters.</summary>
internal static class Parameters
{
    /// <summary>A node's enode URL or record. What is a text and no node is geth's error, of the server and not of the parameters.</summary>
    public static RpcParameter<Node> NodeUrl(string name = "url") => new(
        name, "The node's enode URL or record (enr:...)", isRequired: true, Schema("string"),
        value => Node.TryParse(ReadText(value), out Node? node, out string? error) ? node : throw RpcException.Failed($"invalid enode: {error}"));

    /// <summary>A node's id, or a URL that has it.</summary>
    public static RpcParameter<NodeId> NodeIdentity(string name = "id", bool isRequired = true) => new(
        name, "The node's id (64 hexadecimal digits), or its enode URL or record", isRequired, Schema("string"), value =>
        {
            string text = ReadText(value);
            return NodeId.TryParse(text.StartsWith("0x", StringComparison.Ordinal) ? text[2..] : text, out NodeId id) ? id
                : Node.TryParse(text, out Node? node, out _) ? node.Id
                : throw new FormatException("a node id has 64 hexadecimal digits; an enode URL will do as well");
        });

    public static RpcParameter<string> Text(string name, string summary, bool isRequired = true) => new(name, summary, isRequired, Schema("string"), ReadText);

    /// <summary>One of a few words.</summary>
    public static RpcParameter<string> OneOf(string name, string summary, params string[] words) => new(name, summary, isRequired: true,
        () => new JsonObject { ["type"] = "string", ["enum"] = new JsonArray([.. words.Select(word => (JsonNode)word)]) },
        value => words.FirstOrDefault(word => word == ReadText(value)) ?? throw new FormatException("want one of " + string.Join(", ", words)));

    public static RpcParameter<int> Number(string name, string summary, int min, int max, bool isRequired = false) => new(name, summary, isRequired,
        () => new JsonObject { ["type"] = "integer", ["minimum"] = min, ["maximum"] = max },
        value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= min && number <= max
            ? number
            : throw new FormatException($"want a whole number from {min} to {max}"));

    /// <summary>A whole number of 64 bits.</summary>
    public static RpcParameter<long> LargeNumber(string name, string summary, long min, long max, bool isNullable = false) => new(
        name, summary, isRequired: false,
        () => new JsonObject
        {
            ["type"] = isNullable ? new JsonArray("integer", "null") : "integer",
            ["minimum"] = min,
            ["maximum"] = max,
        },
        value => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number >= min && number <= max
            ? number
            : throw new FormatException($"want a whole number from {min} to {max}{(isNullable ? ", or null" : "")}"));

    /// <summary>A time, which may have a fraction.</summary>
    public static RpcParameter<double> Seconds(string name, string summary, int max) => new(name, summary, isRequired: false,
        () => new JsonObject { ["type"] = new JsonArray("number", "null"), ["exclusiveMinimum"] = 0, ["maximum"] = max },
        value => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number > 0 && number <= max
            ? number
            : throw new FormatException($"want a number above 0 and up to {max}, or null"));

    private static Func<JsonObject> Schema(string type) => () => new JsonObject { ["type"] = type };

    private static string ReadText(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new FormatException("want a string");
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair.
            throw new FormatException("want a string of valid Unicode");
        }
    }
}
