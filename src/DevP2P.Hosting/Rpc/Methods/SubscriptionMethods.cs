namespace DevP2P.Hosting.Rpc;

/// <summary>Events as they happen, over connections that stay open.</summary>
internal static class SubscriptionMethods
{
    public static IEnumerable<RpcMethod> Create(AdminNode node) =>
    [
        .. CreatePair("admin", "peerEvents", "Sends geth's peer events.", () => node.Events.PeerEvents),
        .. CreatePair("devp2p", "events", "Sends peers that come and go, dials with their outcome, and changes.", () => node.Events.All),
    ];

    private static RpcMethod[] CreatePair(string module, string kind, string summary, Func<EventStream> getStream)
    {
        string notification = module + "_subscription";
        RpcParameter<string> name = Parameters.Text("name", $"\"{kind}\"");
        RpcParameter<string> id = Parameters.Text("id", "The subscription's id");
        return
        [
            RpcMethod.Create($"{module}_subscribe", $"{summary} WebSocket and Unix socket only. Notifications are called {notification}.", [name],
                AdminJson.Default.String,
                call => call.Get(name) == kind
                    ? call.Caller.Subscribe(getStream, notification)
                    : throw new RpcException(RpcErrorCode.MethodNotFound, $"no \"{call.Get(name)}\" subscription in {module} namespace")),
            RpcMethod.Create($"{module}_unsubscribe", "Ends a subscription of this connection.", [id], AdminJson.Default.Boolean,
                call => call.Caller.Unsubscribe(call.Get(id), notification) ? true : throw RpcException.Failed("subscription not found")),
        ];
    }
}
