using System.Text.Json;
using System.Text.Json.Nodes;

namespace DevP2P.Hosting.Rpc;

/// <summary>Puts all methods together.</summary>
internal static class AdminMethodTable
{
    public static RpcMethodTable Create(AdminNode node)
    {
        RpcMethodTable? table = null;
        var document = new Lazy<JsonElement>(() => Parse(OpenRpcDocument.Create(table!)));
        table = new RpcMethodTable(
        [
            .. AdminMethods.Create(node),
            .. NetMethods.Create(node),
            .. StatusMethods.Create(node),
            .. DialMethods.Create(node),
            .. DiscoveryMethods.Create(node),
            .. BanMethods.Create(node),
            .. LimitMethods.Create(node),
            .. SubscriptionMethods.Create(node),
            RpcMethod.Create("rpc_modules", "The namespaces with their versions.", [], AdminJson.Default.IReadOnlyDictionaryStringString, _ => table!.Modules),
            RpcMethod.Create("rpc.discover", "This API as an OpenRPC document.", [], AdminJson.Default.JsonElement, _ => document.Value),
        ]);
        return table;
    }

    private static JsonElement Parse(JsonObject document)
    {
        using JsonDocument parsed = JsonDocument.Parse(document.ToJsonString());
        return parsed.RootElement.Clone();
    }
}
