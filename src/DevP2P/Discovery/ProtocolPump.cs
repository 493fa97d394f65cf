using DevP2P.Discovery.Core;

namespace DevP2P.Discovery;

/// <summary>What is between a <see cref="DiscoveryHost"/> and the machine of one protocol.</summary>
internal abstract class ProtocolPump : IAsyncDisposable
{
    /// <summary>When <see cref="HandleTimeout"/> is due, on the monotonic clock. In the loop.</summary>
    public abstract TimeSpan? NextTimeout { get; }

    /// <summary>The cheap test whether a datagram is of this protocol. In the loop.</summary>
    public abstract bool IsMine(Datagram datagram);

    /// <summary>The other cheap tests of a datagram that is. In the loop.</summary>
    /// <returns>False if it is dropped; counted already.</returns>
    public abstract bool Accept(TimeSpan now, Datagram datagram);

    /// <summary>There are too many datagrams under way: this one is dropped.</summary>
    public abstract void CountOverflow();

    /// <summary>Takes a datagram, and gives it back to the host when its way has ended. In the loop.</summary>
    public abstract void Handle(Timestamp now, Datagram datagram);

    /// <summary>Lets time pass. In the loop.</summary>
    public abstract void HandleTimeout(Timestamp now);

    /// <summary>Sends what the machine hands out, and passes on the rest. In the loop.</summary>
    public abstract void Drain(Timestamp now);

    /// <summary>Ends what runs beside the loop.</summary>
    public abstract ValueTask DisposeAsync();
}
