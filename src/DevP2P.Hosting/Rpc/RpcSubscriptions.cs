using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace DevP2P.Hosting.Rpc;

/// <summary>The subscriptions of one connection.</summary>
/// <param name="connection">Where the events go.</param>
/// <param name="all">Counts those of all connections.</param>
internal sealed class RpcSubscriptions(RpcConnection connection, SubscriptionCount all) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, RpcSubscription> _subscriptions = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _closed = new();

    /// <exception cref="RpcException">There are too many, here or in all.</exception>
    public RpcSubscription Add(EventStream stream, string notification)
    {
        lock (_gate)
        {
            if (_subscriptions.Count >= RpcLimits.MaxSubscriptionsPerConnection)
            {
                throw RpcException.Limit($"too many subscriptions, a connection has at most {RpcLimits.MaxSubscriptionsPerConnection}");
            }

            if (!all.TryAdd())
            {
                throw RpcException.Limit($"too many subscriptions, there are at most {RpcLimits.MaxSubscriptions} in all");
            }

            var subscription = new RpcSubscription(stream.Subscribe(), notification, connection, _closed.Token);
            _subscriptions.Add(subscription.Id, subscription);
            return subscription;
        }
    }

    /// <summary>Ends one; false if there is none of that id and kind.</summary>
    public bool Remove(string id, string notification)
    {
        RpcSubscription? subscription;
        lock (_gate)
        {
            if (!_subscriptions.TryGetValue(id, out subscription) || subscription.Notification != notification)
            {
                return false;
            }

            _subscriptions.Remove(id);
        }

        all.Remove(1);
        subscription.Stop();
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        RpcSubscription[] left;
        lock (_gate)
        {
            left = [.. _subscriptions.Values];
            _subscriptions.Clear();
        }

        all.Remove(left.Length);
        await _closed.CancelAsync().ConfigureAwait(false);
        foreach (RpcSubscription subscription in left)
        {
            subscription.Stop();
        }
    }
}

/// <summary>How many subscriptions there are in all. Safe for concurrent use.</summary>
internal sealed class SubscriptionCount
{
    private int _count;

    public int Value => Volatile.Read(ref _count);

    public bool TryAdd()
    {
        if (Interlocked.Increment(ref _count) <= RpcLimits.MaxSubscriptions)
        {
            return true;
        }

        Interlocked.Decrement(ref _count);
        return false;
    }

    public void Remove(int count) => Interlocked.Add(ref _count, -count);
}

/// <summary>One subscription: takes events from its queue and sends them in geth's form.</summary>
internal sealed class RpcSubscription
{
    private readonly EventQueue _queue;
    private readonly RpcConnection _connection;
    private readonly CancellationTokenSource _stop;
    private readonly byte[] _head;

    public RpcSubscription(EventQueue queue, string notification, RpcConnection connection, CancellationToken closed)
    {
        _queue = queue;
        _connection = connection;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(closed);
        Notification = notification;

        // As geth's: a quantity has no leading zeros.
        string digits = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)).TrimStart('0');
        Id = "0x" + (digits.Length == 0 ? "0" : digits);
        _head = Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $$$"""{"jsonrpc":"2.0","method":"{{{notification}}}","params":{"subscription":"{{{Id}}}","result":"""));
    }

    public string Id { get; }

    /// <summary>"admin_subscription".</summary>
    public string Notification { get; }

    /// <summary>Begins to send.</summary>
    public void Activate() => _ = Task.Run(SendAsync);

    public void Stop()
    {
        _queue.Dispose();
        _stop.Cancel();
    }

    private async Task SendAsync()
    {
        try
        {
            while (true)
            {
                byte[] item = await _queue.ReadAsync(_stop.Token).ConfigureAwait(false);
                await _connection.SendAsync((byte[])[.. _head, .. item, .. "}}"u8], _stop.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Unsubscribed, or the connection has gone.
        }
        catch (IOException e)
        {
            _connection.Abort(e.Message);
        }
    }
}
