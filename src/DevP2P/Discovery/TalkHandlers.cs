using System.Collections.Concurrent;
using DevP2P.Discovery.V5;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>The talk handlers: which there are, and the requests that they are working on.</summary>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed class TalkHandlers(TimeProvider time, ILogger logger)
{
    /// <summary>How long a handler may take: longer than anybody waits for its answer. Then the request is answered empty and its token cancelled.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, TalkHandler> _handlers = new(StringComparer.Ordinal);

    /// <summary>The protocols that have a handler.</summary>
    public IEnumerable<string> Protocols => _handlers.Keys;

    /// <summary>Adds a handler.</summary>
    /// <returns>False if the protocol has one.</returns>
    public bool TryAdd(string protocol, TalkHandler handler) => _handlers.TryAdd(protocol, handler);

    /// <summary>Removes a handler.</summary>
    /// <returns>False if it was not there.</returns>
    public bool TryRemove(string protocol, TalkHandler handler) => _handlers.TryRemove(KeyValuePair.Create(protocol, handler));

    /// <summary>Lets the handler of a request answer it. Never throws.</summary>
    /// <param name="talk">The request.</param>
    /// <param name="request">The same for the handler.</param>
    /// <param name="stop">Cancelled when discovery stops.</param>
    /// <returns>The answer; empty if there is none.</returns>
    public async Task<ReadOnlyMemory<byte>> AnswerAsync(Talk talk, TalkRequest request, CancellationToken stop)
    {
        if (!_handlers.TryGetValue(request.Protocol, out TalkHandler? handler))
        {
            return default;
        }

        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, timeout.Token);
        try
        {
            ReadOnlyMemory<byte> answer = await Task.Run(() => handler(request, either.Token).AsTask(), CancellationToken.None)
                .WaitAsync(either.Token).ConfigureAwait(false);
            if (answer.Length > MessageCodec.MaxTalkResponseSize)
            {
                DiscoveryLog.TalkAnswerTooLong(logger, request.Protocol, answer.Length, MessageCodec.MaxTalkResponseSize);
                return default;
            }

            return answer;
        }
#pragma warning disable CA1031 // A handler is somebody else's code; what it throws must not end discovery (T14).
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (!stop.IsCancellationRequested)
            {
                DiscoveryLog.TalkHandlerFailed(logger, e, request.Protocol, talk.Source.ToShortString());
            }

            return default;
        }
    }
}
