using DevP2P.Buffers;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
using DevP2P.Rlp;
using DevP2P.Rlpx;

namespace DevP2P;

/// <summary>
/// One bare connection to a node, without a server: both handshakes, pings, and the raw messages. For tools that look at a node,
/// and for tests. For one caller at a time.
/// </summary>
public sealed class RlpxProbe : IAsyncDisposable
{
    private readonly RlpxConnection _connection;
    private readonly TimeProvider _time;

    private RlpxProbe(RlpxConnection connection, Hello remote, TimeProvider time)
    {
        _connection = connection;
        _time = time;
        RemoteHello = remote;
    }

    /// <summary>What the node said of itself. From outside: untrusted text.</summary>
    public Hello RemoteHello { get; }

    /// <summary>Connects and runs both handshakes.</summary>
    /// <param name="node">The node; it must have an address or a host name.</param>
    /// <param name="key">The identity to show.</param>
    /// <param name="capabilities">What to claim to speak.</param>
    /// <param name="name">The name to show.</param>
    /// <param name="cancellationToken">Ends the attempt; in any case it ends after the dial and handshake timeouts.</param>
    /// <exception cref="PeerDisconnectedException">The node refused; the reason is in it.</exception>
    /// <exception cref="P2PException">A handshake failed, or the connection broke.</exception>
    /// <exception cref="IOException">The node cannot be connected to.</exception>
    public static async Task<RlpxProbe> ConnectAsync(
        Node node, PrivateKey key, IReadOnlyList<Capability> capabilities, string name = "DevP2P/probe", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(capabilities);
        var connector = new DialConnector(new HostNameResolver(TimeProvider.System), new TcpDialer());
        DialConnectResult dialed = await connector
            .ConnectAsync(new DialRequest(node, null, new DialAddressPolicy(null, IsOperatorNamed: true, AllowLan: true)), cancellationToken)
            .ConfigureAwait(false);
        if (dialed.Connection is not { } tcp)
        {
            throw new IOException($"cannot connect ({dialed.Stage}): {dialed.Reason}");
        }

        var budget = new MemoryBudget(ServerOptions.MinBufferedBytes);
        var connection = new RlpxConnection(tcp.Stream, new PeerBudget(budget, budget.Limit), TimeProvider.System);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(RlpxConnection.HandshakeTimeout);
        try
        {
            using (timeout.Token.UnsafeRegister(static c => ((RlpxConnection)c!).Dispose(), connection))
            {
                await connection.HandshakeAsync(key, node.PublicKey, RandomSource.System, timeout.Token).ConfigureAwait(false);
                var hello = new Hello(Hello.CurrentVersion, name, capabilities, 0, key.PublicKey);
                Hello remote = await connection.ExchangeHelloAsync(RlpEncoding.Encode(hello), node.PublicKey, timeout.Token).ConfigureAwait(false);
                connection.GetMaxPayloadSize = static _ => FrameCodec.MaxMessageSize;
                connection.MaxFrameSize = FrameCodec.MaxMessageSize;
                return new RlpxProbe(connection, remote, TimeProvider.System);
            }
        }
        catch (Exception e)
        {
            connection.Dispose();
            connection.ReleaseReceiveBuffer();
            if (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new HandshakeException("handshake timeout", e);
            }

            throw;
        }
    }

    /// <summary>Sends a base-protocol ping and waits for the pong; other messages that come meanwhile are discarded.</summary>
    /// <returns>The time between them.</returns>
    /// <exception cref="PeerDisconnectedException">The node ended the connection; the reason is in it.</exception>
    /// <exception cref="P2PException">The connection broke.</exception>
    public async Task<TimeSpan> PingAsync(CancellationToken cancellationToken = default)
    {
        long start = _time.GetTimestamp();
        await _connection.WriteControlAsync(BaseProtocol.PingCode).ConfigureAwait(false);
        while (true)
        {
            Message message = await ReadAsync(cancellationToken).ConfigureAwait(false);
            ulong code = message.Code;
            message.Discard();
            if (code == BaseProtocol.PongCode)
            {
                return _time.GetElapsedTime(start);
            }
        }
    }

    /// <summary>
    /// Reads the next message with its code on the wire: 16 and above belong to protocols. Pings are answered on the way.
    /// </summary>
    /// <exception cref="PeerDisconnectedException">The node ended the connection; the reason is in it.</exception>
    /// <exception cref="P2PException">The connection broke.</exception>
    public async Task<Message> ReadAsync(CancellationToken cancellationToken = default)
    {
        using CancellationTokenRegistration abort =
            cancellationToken.UnsafeRegister(static c => ((RlpxConnection)c!).Dispose(), _connection);
        while (true)
        {
            Message message = await _connection.ReadAsync(cancellationToken).ConfigureAwait(false);
            switch (message.Code)
            {
                case BaseProtocol.DisconnectCode:
                    throw new PeerDisconnectedException(BaseProtocol.DecodeDisconnect(message.Payload.Span), isRemote: true);
                case BaseProtocol.PingCode:
                    message.Discard();
                    await _connection.WriteControlAsync(BaseProtocol.PongCode).ConfigureAwait(false);
                    break;
                default:
                    return message;
            }
        }
    }

    /// <summary>Writes a message with its code on the wire.</summary>
    public ValueTask WriteAsync(ulong code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default) =>
        _connection.WriteAsync(code, payload, cancellationToken);

    /// <summary>For tests: writes a payload as it is, as nodes do that never compress a Disconnect.</summary>
    internal ValueTask WriteUncompressedAsync(ulong code, ReadOnlyMemory<byte> payload) => _connection.WriteUncompressedAsync(code, payload);

    /// <summary>Tells the node the reason and closes the connection.</summary>
    public async Task DisconnectAsync(DisconnectReason reason = DisconnectReason.Requested)
    {
        await _connection.CloseSendAsync(reason).ConfigureAwait(false);
        using var drain = new CancellationTokenSource(RlpxConnection.DrainTimeout);
        await _connection.DrainAsync(drain.Token).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        _connection.Dispose();
        await _connection.WaitForSendSideAsync().ConfigureAwait(false);
        _connection.ReleaseReceiveBuffer();
    }
}
