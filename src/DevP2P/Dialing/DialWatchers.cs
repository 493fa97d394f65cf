using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace DevP2P.Dialing;

/// <summary>Hands finished dials to whoever watches. Publishing never waits. Safe for concurrent use.</summary>
internal sealed class DialWatchers
{
    /// <summary>How many attempts wait for a watcher before the oldest are dropped.</summary>
    public const int Capacity = 1024;

    private ImmutableArray<Channel<DialAttempt>> _channels = [];
    private bool _isCompleted;

    public IAsyncEnumerable<DialAttempt> Watch()
    {
        // Registered here and not in the iterator, which would start only with the first read.
        var channel = Channel.CreateBounded<DialAttempt>(
            new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        ImmutableInterlocked.Update(ref _channels, static (all, added) => all.Add(added), channel);
        if (Volatile.Read(ref _isCompleted))
        {
            channel.Writer.TryComplete();
        }

        return ReadAsync(channel, CancellationToken.None);
    }

    public void Publish(DialAttempt attempt)
    {
        foreach (Channel<DialAttempt> channel in _channels)
        {
            channel.Writer.TryWrite(attempt);
        }
    }

    public void Complete()
    {
        Volatile.Write(ref _isCompleted, true);
        foreach (Channel<DialAttempt> channel in _channels)
        {
            channel.Writer.TryComplete();
        }
    }

    private async IAsyncEnumerable<DialAttempt> ReadAsync(
        Channel<DialAttempt> channel, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (DialAttempt attempt in channel.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return attempt;
            }
        }
        finally
        {
            ImmutableInterlocked.Update(ref _channels, static (all, removed) => all.Remove(removed), channel);
        }
    }
}
