namespace DevP2P.Cli.Attach;

/// <summary>A connection to a node's admin API that carries whole JSON values.</summary>
internal interface IRpcLink : IAsyncDisposable
{
    /// <summary>Sends one.</summary>
    /// <exception cref="IOException">The connection has ended.</exception>
    Task SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken);

    /// <summary>The next one from the other side; null at the end. Valid until the next call.</summary>
    /// <exception cref="IOException">The connection has broken.</exception>
    Task<ReadOnlyMemory<byte>?> ReceiveAsync(CancellationToken cancellationToken);
}
