using System.Runtime.CompilerServices;
using DevP2P.Rlpx;

namespace DevP2P;

/// <content>How the read loop hands messages to the handlers.</content>
public sealed partial class Peer
{
    /// <summary>Messages that came together wait for one another until they are so many bytes, of which each counts as 128 more.</summary>
    private const int MaxDeliveredBytes = 4 * 1024;

    private ProtocolStream? _delivered;
    private int _deliveredBytes;

    /// <summary>
    /// Small messages that came together are handed over together: to wake a handler costs as much as to decrypt one of them, and it would be
    /// done with each before the next is decrypted.
    /// </summary>
    private void Deliver(ProtocolStream stream, Message message)
    {
        if (stream != _delivered)
        {
            WakeHandler();
            _delivered = stream;
        }

        stream.Deliver(message);
        _deliveredBytes += RlpxConnection.MessageOverhead + message.Size;
        if (_deliveredBytes >= MaxDeliveredBytes)
        {
            WakeHandler();
        }
    }

    /// <summary>Whatever was delivered may be read now. To be called before the read loop waits for anything but <see cref="ReadAndWake"/>.</summary>
    private void WakeHandler()
    {
        _delivered?.Wake();
        _delivered = null;
        _deliveredBytes = 0;
    }

    /// <summary>Waits for the next message, and wakes the handler of those before once the read loop waits.</summary>
    private WakingRead ReadAndWake(RlpxConnection connection)
    {
        // With a part of a message here there is work left to do, and the handler has a thread of its own meanwhile. What a stream of the
        // application's calls back on is not known: it may be a writer, whom a handler must not hold up.
        if (connection.HasBytes || !connection.IsOverSocket)
        {
            WakeHandler();
        }

        return new WakingRead(this, connection.ReadAsync(_stopped.Token));
    }

    /// <summary>
    /// Wakes the handler on this very thread, for to wake another thread costs more than most handlers take. The read loop is
    /// suspended by then, and goes on on any other thread, so a handler may block, or wait for its next message, as it likes.
    /// </summary>
    private readonly struct WakingRead(Peer peer, ValueTask<Message> read) : ICriticalNotifyCompletion
    {
        private readonly ConfiguredValueTaskAwaitable<Message>.ConfiguredValueTaskAwaiter _read = read.ConfigureAwait(false).GetAwaiter();

        public bool IsCompleted => _read.IsCompleted;

        public WakingRead GetAwaiter() => this;

        public Message GetResult() => _read.GetResult();

        public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

        public void UnsafeOnCompleted(Action continuation)
        {
            ProtocolStream? delivered = peer._delivered;
            peer._delivered = null;
            peer._deliveredBytes = 0;

            // From here on the read loop may run elsewhere.
            _read.UnsafeOnCompleted(continuation);

            // The thread that waits for all sockets may be set to call back itself; no handler runs there.
            delivered?.Wake(here: Thread.CurrentThread.IsThreadPoolThread);
        }
    }
}
