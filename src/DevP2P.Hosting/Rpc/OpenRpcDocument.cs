using System.Text.Json.Nodes;

namespace DevP2P.Hosting.Rpc;

/// <summary>The API as an OpenRPC document (https://spec.open-rpc.org), made from the table of methods, so that the two cannot differ.</summary>
internal static class OpenRpcDocument
{
    private const string SpecificationVersion = "1.3.2";

    public static JsonObject Create(RpcMethodTable methods) => new()
    {
        ["openrpc"] = SpecificationVersion,
        ["info"] = new JsonObject
        {
            ["title"] = "DevP2P admin API",
            ["version"] = typeof(OpenRpcDocument).Assembly.GetName().Version?.ToString(3) ?? "0",
            ["license"] = new JsonObject { ["name"] = "MIT" },
        },
        ["methods"] = new JsonArray([.. methods.All.Select(JsonNode (method) => Describe(method))]),
    };

    private static JsonObject Describe(RpcMethod method) => new()
    {
        ["name"] = method.Name,
        ["summary"] = method.Summary,
        ["tags"] = new JsonArray(new JsonObject { ["name"] = method.Namespace }),
        ["paramStructure"] = "either",
        ["params"] = new JsonArray([.. method.Parameters.Select(JsonNode (parameter) => new JsonObject
        {
            ["name"] = parameter.Name,
            ["summary"] = parameter.Summary,
            ["required"] = parameter.IsRequired,
            ["schema"] = parameter.CreateSchema(),
        })]),
        ["result"] = new JsonObject { ["name"] = "result", ["schema"] = method.CreateResultSchema() },
    };
}
