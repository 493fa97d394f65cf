using System.Runtime.CompilerServices;
using System.Threading.Channels;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery;

/// <summary>
/// Commands to a machine in a host's loop, and the wait for what comes of them. Safe for concurrent calls, but for
/// <see cref="Take"/>, which is the loop's.
/// </summary>
/// <param name="host">Whose loop it is.</param>
/// <param name="machine">The machine.</param>
/// <param name="owner">Whose name stands in an <see cref="ObjectDisposedException"/>.</param>
internal sealed class MachineCalls(DiscoveryHost host, DiscoveryMachine machine, object owner)
{
    private readonly CancellationTokenSource _stopped = new();

    // Only the loop touches these.
    private readonly Dictionary<long, TaskCompletionSource<Output>> _pending = [];
    private readonly Dictionary<long, ChannelWriter<Node>> _walks = [];

    /// <summary>Cancelled at the end.</summary>
    public CancellationToken Stopped => _stopped.Token;

    /// <summary>Takes an output that ends a command or belongs to a walk; others are left alone. In the loop.</summary>
    public void Take(Output output)
    {
        if (output is CommandDone done && _pending.Remove(done.Id, out TaskCompletionSource<Output>? waiting))
        {
            waiting.TrySetResult(output);
        }
        else if (output is RandomNode random && _walks.TryGetValue(random.WalkId, out ChannelWriter<Node>? walk))
        {
            walk.TryWrite(random.Node);
        }
    }

    /// <summary>Whatever is waited for ends with <see cref="ObjectDisposedException"/>.</summary>
    public Task StopAsync() => _stopped.CancelAsync();

    /// <summary>Gives a command and waits for the output that ends it.</summary>
    /// <param name="command">Run in the loop; returns the command's id.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    public async Task<T> AskAsync<T>(Func<Timestamp, long> command, CancellationToken cancellationToken)
        where T : CommandDone
    {
        var done = new TaskCompletionSource<Output>(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isPosted = !_stopped.IsCancellationRequested && host.Post(now => _pending.Add(command(now), done));
        ObjectDisposedException.ThrowIf(!isPosted, owner);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopped.Token);
        try
        {
            return (T)await done.Task.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(owner.GetType().Name);
        }
    }

    /// <summary>Random nodes without end, until it is stopped.</summary>
    /// <param name="choose">Lets a node pass, maybe with its record, or not (null).</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    public async IAsyncEnumerable<Node> RandomNodes(
        Func<Node, CancellationToken, ValueTask<Node?>> choose, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var nodes = Channel.CreateUnbounded<Node>();
        long id = 0;
        host.Post(_ => _walks.Add(id = machine.OpenWalk(), nodes.Writer));
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopped.Token);
            while (await NextAsync(nodes.Reader, either.Token).ConfigureAwait(false) is { } node)
            {
                if (await choose(node, either.Token).ConfigureAwait(false) is { } chosen)
                {
                    yield return chosen;
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
        }
        finally
        {
            host.Post(_ =>
            {
                machine.CloseWalk(id);
                _walks.Remove(id);
            });
        }

        async Task<Node?> NextAsync(ChannelReader<Node> reader, CancellationToken token)
        {
            try
            {
                return host.Post(now => machine.WantRandomNode(now, id)) ? await reader.ReadAsync(token).ConfigureAwait(false) : null;
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }
}
