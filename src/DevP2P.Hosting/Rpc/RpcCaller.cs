using DevP2P.Hosting.Security;

namespace DevP2P.Hosting.Rpc;

/// <summary>Who makes one request: how the log names them, how much they may call, and where events can be sent.</summary>
/// <param name="name">For the log: "http 127.0.0.1:50412", "ipc pid=4711 uid=1000".</param>
/// <param name="rate">What bounds the calls.</param>
/// <param name="subscriptions">The connection's subscriptions; null where there can be none.</param>
internal sealed class RpcCaller(string name, CallBucket rate, RpcSubscriptions? subscriptions)
{
    private List<RpcSubscription>? _new;

    public CallBucket Rate => rate;

    /// <summary>Subscribes the connection. Events are sent from <see cref="Activate"/> on.</summary>
    /// <returns>The subscription's id.</returns>
    public string Subscribe(Func<EventStream> getStream, string notification)
    {
        RpcSubscription subscription = Demand().Add(getStream(), notification);
        (_new ??= []).Add(subscription);
        return subscription.Id;
    }

    /// <summary>Ends a subscription of the connection; false if there is none.</summary>
    public bool Unsubscribe(string id, string notification) => Demand().Remove(id, notification);

    /// <summary>The answer with the ids has been sent: now the events may follow.</summary>
    public void Activate()
    {
        foreach (RpcSubscription subscription in _new ?? [])
        {
            subscription.Activate();
        }

        _new = null;
    }

    public override string ToString() => name;

    private RpcSubscriptions Demand() =>
        subscriptions ?? throw new RpcException(RpcErrorCode.MethodNotFound, "notifications not supported");
}
