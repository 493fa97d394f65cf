using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using DevP2P.Buffers;
using DevP2P.Crypto;
using DevP2P.Diagnostics;
using DevP2P.Dialing;
using DevP2P.Nodes;
using DevP2P.Reputation;
using DevP2P.Rlp;
using DevP2P.Rlpx;
using Microsoft.Extensions.Logging;

namespace DevP2P;

/// <summary>The way of a connection: accepted or dialed, through both handshakes and both checks of admission, to a peer.</summary>
public sealed partial class Server
{
    private const string HandshakeTimeoutReason = "handshake timeout";
    private const string CancelledReason = "cancelled";

    /// <summary>Nodes that we have reached and are greeting: connections that we dialed, in their handshakes.</summary>
    private readonly ConcurrentDictionary<NodeId, ConnectionSetup> _greeting = new();

    /// <summary>The same for all connections: nothing that is in it changes once there is a server.</summary>
    private readonly byte[] _hello;

    /// <summary>As in Go, a node that does not know its address is on loopback.</summary>
    private static LocalNode CreateLocalNode(ServerOptions options, NodeDatabase database)
    {
        NodeId id = options.PrivateKey.PublicKey.NodeId;
        var node = new LocalNode(
            options.PrivateKey, options.TimeProvider.GetUtcNow(), database.GetLocalSequence(id), database.GetLocalRecord(id),
            database.RecordLocalRecord);
        IPEndPoint? address = options.DiscoveryEndPoint;
        _ = options.ListenAddress is { } text && ListenAddresses.TryParse(text, out address);
        if (address is not { AddressFamily: AddressFamily.InterNetworkV6 } || address.Address.Equals(IPAddress.IPv6Any))
        {
            node.SetFallbackAddress(IPAddress.Loopback);
        }

        if (options.AdvertisedEndPoints is { } advertised)
        {
            node.SetFixed(advertised);
        }

        return node;
    }

    /// <summary>On the loop: the checks that need nothing but the address.</summary>
    private void TakeInbound(Socket socket)
    {
        _counters.CountAccepted();
        EndPoint? remote = GetEndPoint(() => socket.RemoteEndPoint);
        IPAddress address = (remote as IPEndPoint)?.Address ?? IPAddress.None;
        string? refusal = _isStopping ? "the server is stopping"
            : _options.NetRestrict is { } nets && !nets.Contains(address) ? "not in net restrict list"
            : !_throttle.TryEnter(address, Now) ? "too many attempts"
            : null;
        if (refusal is not null)
        {
            _counters.CountRefused(refusal);
            Log.InboundRejected(_logger, remote, refusal);
            socket.Dispose();
            return;
        }

        socket.NoDelay = true;
        PendingInbound.Entry pending = _pendingInbound.Add(address, socket.Dispose, out PendingInbound.Entry? evicted);
        evicted?.Abort();
        var connection = new IncomingConnection(
            new NetworkStream(socket, ownsSocket: true), ConnectionFlags.Inbound, null, GetEndPoint(() => socket.LocalEndPoint), remote)
        {
            Pending = pending,
        };
        _work.Run(async () =>
        {
            ConnectionResult result = await SetupAsync(connection, _stopping.Token).ConfigureAwait(false);
            if (result.Peer is null)
            {
                Post(() => _pendingInbound.Remove(pending));
            }
        });
    }

    /// <summary>Runs the handshakes. Whatever happens is in the result; a connection that is not admitted is closed.</summary>
    private async Task<ConnectionResult> SetupAsync(IncomingConnection incoming, CancellationToken cancellationToken)
    {
        var connection = new RlpxConnection(
            incoming.Stream, new PeerBudget(_memory, _options.MaxBufferedBytesPerPeer), _time);
        _traffic.Add(connection.Traffic);
        var setup = new ConnectionSetup(incoming, connection);
        bool isInbound = incoming.ExpectedNode is null;
        ConnectionResult result;
        using (Activity? span = Spans.StartHandshake(isInbound, incoming.ExpectedNode?.Id, incoming.RemoteEndPoint))
        {
            long start = BeginHandshake(isInbound);
            result = await GreetAsync(setup, cancellationToken).ConfigureAwait(false);
            EndHandshake(isInbound, start, result);
            Spans.Finish(span, setup.Node?.Id, result);
        }

        if (result.Peer is null)
        {
            if (setup.Ban is { } ban)
            {
                result = result with { Error = ban.ToText() };
            }

            JudgeSetup(setup, result);
            _counters.CountRefused(setup.Ban is null ? ToRefusalKey(result) : BannedReason);
            Log.SetupFailed(
                _logger, incoming.Flags.ToText(), setup.Node?.Id.ToShortString() ?? "unknown", incoming.RemoteEndPoint, result.Stage,
                (result.IsRemote ? "remote: " : "") + result.Error);
            await CloseRefusedAsync(connection, result).ConfigureAwait(false);
        }

        return result;
    }

    /// <summary>Both handshakes and both checks.</summary>
    private async Task<ConnectionResult> GreetAsync(ConnectionSetup setup, CancellationToken cancellationToken)
    {
        IncomingConnection incoming = setup.Incoming;
        using var timeout = new CancellationTokenSource(RlpxConnection.HandshakeTimeout, _time);
        using CancellationTokenRegistration given = cancellationToken.UnsafeRegister(static t => ((CancellationTokenSource)t!).Cancel(), timeout);
        if (incoming.ExpectedNode is { } dialed)
        {
            _greeting[dialed.Id] = setup;
        }

        try
        {
            Peer peer = await setup.RunAsync(this, timeout.Token).ConfigureAwait(false);
            return new ConnectionResult { Stage = DialStage.Admitted, Peer = peer };
        }
        catch (PeerDisconnectedException e) when (e.IsRemote || e.Reason != DisconnectReason.NetworkError)
        {
            return new ConnectionResult { Stage = setup.Stage, Error = e.Message, Reason = e.Reason, IsRemote = e.IsRemote };
        }
        catch (ProtocolViolationException e)
        {
            return new ConnectionResult { Stage = setup.Stage, Error = e.Message, Reason = DisconnectReason.ProtocolError };
        }
        catch (Exception e) when (e is P2PException or IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            string error = incoming.Pending is { IsEvicted: true } ? PendingInbound.EvictedReason
                : cancellationToken.IsCancellationRequested ? CancelledReason
                : timeout.IsCancellationRequested ? HandshakeTimeoutReason
                : e.Message;
            return new ConnectionResult { Stage = setup.Stage, Error = error };
        }
        catch (Exception e)
        {
            // A stream of the application's may throw anything. It costs this connection and nothing else.
            Log.SetupDefect(_logger, incoming.RemoteEndPoint, e);
            return new ConnectionResult { Stage = setup.Stage, Error = Log.Describe(e) };
        }
        finally
        {
            if (incoming.ExpectedNode is { } node)
            {
                _greeting.TryRemove(new(node.Id, setup));
            }
        }
    }

    /// <summary>
    /// Once frames can be sent, the other side is told why: written, half-closed, and its bytes read away for a while, because
    /// a reset would swallow the reason.
    /// </summary>
    private async Task CloseRefusedAsync(RlpxConnection connection, ConnectionResult result)
    {
        if (connection.IsEncrypted && result.Reason is { } reason && !result.IsRemote)
        {
            using var drain = new CancellationTokenSource(RlpxConnection.DrainTimeout, _time);
            await connection.CloseSendAsync(reason).ConfigureAwait(false);
            await connection.DrainAsync(drain.Token).ConfigureAwait(false);
        }

        connection.Dispose();
        await connection.WaitForSendSideAsync().ConfigureAwait(false);
        connection.ReleaseReceiveBuffer();
        _traffic.Fold(connection.Traffic);
    }

    /// <summary>On the loop, after the encryption handshake: the node is known.</summary>
    private void CheckAfterEncryption(ConnectionSetup setup)
    {
        NodeId id = setup.Node!.Id;
        if (Volatile.Read(ref _trusted).Contains(id))
        {
            setup.Flags |= ConnectionFlags.Trusted;
        }

        if (setup.Incoming.Pending is { } pending)
        {
            pending.IsIdentified = true;
            if (setup.Incoming.RemoteEndPoint is IPEndPoint remote)
            {
                // It knew our key, and thus was not here by chance; whether it is let in is another question.
                TakeVisit(remote.Address);
            }
        }

        if (!(CheckAdmission(setup) == DisconnectReason.TooManyPeers && ChooseReplaced(setup) is not null))
        {
            ThrowIfRefused(setup);
        }

        if (setup.Flags.HasFlag(ConnectionFlags.Inbound))
        {
            // Two nodes that dial each other at once would each keep its own connection and refuse the other's, and be left with none
            // until they dial again. So the one that the node with the lower id has dialed is kept. Other implementations decide by
            // who comes first; with them it helps whenever ours is the lower id.
            if (_greeting.ContainsKey(id) && _selfId < id)
            {
                throw new PeerDisconnectedException(DisconnectReason.AlreadyConnected);
            }

            _dials.InboundPending(Now, id);
        }
    }

    /// <summary>On the loop, after the Hello: the node becomes a peer, or not.</summary>
    private Peer AdmitPeer(ConnectionSetup setup, Hello hello)
    {
        if (Admission.CheckCapabilities(_options, hello.Capabilities) is { } useless)
        {
            throw new PeerDisconnectedException(useless);
        }

        ThrowIfRefused(setup);
        if (setup.Incoming.Pending is { } pending)
        {
            // From here on no newer connection may push it out.
            _pendingInbound.Remove(pending);
        }

        var peer = new Peer(
            setup.Connection, setup.Node!, hello, setup.Flags, setup.Incoming.LocalEndPoint, setup.Incoming.RemoteEndPoint,
            _options.Protocols, _options.EnableMessageEvents ? _events : null, _time, new PeerLogger(_peerLogger, setup.Node!.Id));
        // Before anybody sees the peer, so that who counts peers finds the counters right.
        _counters.CountAdded();
        _snapshot = _snapshot.Add(peer.Id, peer);
        LimitPeer(peer);
        _inboundCount += peer.IsInbound ? 1 : 0;
        _dials.PeerAdded(Now, peer.Id, isDialed: !peer.IsInbound);
        if (_logger.IsEnabled(LogLevel.Debug))
        {
            Log.PeerAdded(
                _logger, _snapshot.Count, peer.Id.ToShortString(), setup.Flags.ToText(), peer.RemoteEndPoint, Log.Sanitize(peer.FullName));
        }

        if (_events.HasSubscribers)
        {
            _events.Publish(peer.CreateEvent(PeerEventType.Add));
        }

        if (peer.IsInbound)
        {
            _dials.InboundCompleted(Now, peer.Id);

            // Whoever waits for us to reach this node has what it wants: no dial will come any more.
            foreach (DialWaiter waiter in TakeDialWaiters(peer.Id))
            {
                waiter.Outcome.TrySetResult(CreateAttempt(waiter.Node, DialStage.Admitted, succeeded: true, "the node connected to us"));
            }
        }

        _work.Run(async () =>
        {
            PeerDrop drop = await peer.RunAsync().ConfigureAwait(false);
            _traffic.Fold(peer.Connection!.Traffic);
            Post(() => DropPeer(peer, drop));
        });
        return peer;
    }

    /// <summary>On the loop: a peer has ended.</summary>
    private void DropPeer(Peer peer, PeerDrop drop)
    {
        _counters.CountDropped(drop);
        _snapshot = _snapshot.Remove(peer.Id);
        _inboundCount -= peer.IsInbound ? 1 : 0;
        _dials.PeerRemoved(Now, peer.Id);
        RememberUseful(peer);
        JudgeDrop(peer, drop);
        if (_logger.IsEnabled(LogLevel.Debug))
        {
            Log.PeerRemoved(
                _logger, _snapshot.Count, peer.Id.ToShortString(), peer.Lifetime, drop.IsRemote, drop.Reason.ToText(), Log.Sanitize(drop.Error));
        }

        if (_events.HasSubscribers)
        {
            _events.Publish(peer.CreateEvent(PeerEventType.Drop) with
            {
                Error = drop.Error,
                Reason = drop.Reason,
                IsRemote = drop.IsRemote,
            });
        }

        HandOver(peer.Id);
    }

    private void ThrowIfRefused(ConnectionSetup setup)
    {
        if (CheckAdmission(setup) is { } reason)
        {
            throw new PeerDisconnectedException(reason);
        }
    }

    private DisconnectReason? CheckAdmission(ConnectionSetup setup)
    {
        NodeId id = setup.Node!.Id;
        setup.Ban = FindBan(id);
        return _isStopping
            ? DisconnectReason.Quitting
            : Admission.Check(
                _currentOptions, _selfId, id, setup.Flags, _snapshot.Count, _inboundCount, _snapshot.ContainsKey(id),
                setup.Ban is not null || _dials.IsHeldDown(Now, id));
    }

    private static string ToRefusalKey(ConnectionResult result) => result switch
    {
        { Reason: { } reason, IsRemote: true } => "remote: " + reason.ToText(),
        { Reason: { } reason } => reason.ToText(),
        { Error: HandshakeTimeoutReason or CancelledReason or PendingInbound.EvictedReason } => result.Error,
        { Stage: DialStage.EncryptionHandshake } => "encryption handshake failed",
        _ => "protocol handshake failed",
    };

    /// <summary>An end point, or null where the system has none any more.</summary>
    private static EndPoint? GetEndPoint(Func<EndPoint?> read)
    {
        try
        {
            // What comes in over IPv4 on a socket for both families is shown as IPv4.
            return read() is IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped
                ? new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port)
                : read();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>A connection before its handshakes.</summary>
    private sealed record IncomingConnection(
        Stream Stream, ConnectionFlags Flags, Node? ExpectedNode, EndPoint? LocalEndPoint, EndPoint? RemoteEndPoint)
    {
        public PendingInbound.Entry? Pending { get; init; }
    }

    /// <summary>A connection on its way through the handshakes.</summary>
    private sealed class ConnectionSetup(IncomingConnection incoming, RlpxConnection connection)
    {
        public IncomingConnection Incoming => incoming;

        public RlpxConnection Connection => connection;

        public ConnectionFlags Flags { get; set; } = incoming.Flags;

        public Node? Node { get; private set; } = incoming.ExpectedNode;

        /// <summary>Why it was refused, if it is that.</summary>
        public Ban? Ban { get; set; }

        /// <summary>It has said all it had to, and waits for a place.</summary>
        public bool IsWaitingForPlace { get; set; }

        public DialStage Stage { get; private set; } = DialStage.EncryptionHandshake;

        public async Task<Peer> RunAsync(Server server, CancellationToken cancellationToken)
        {
            // A read that waits for bytes ends only with its stream.
            using CancellationTokenRegistration closing = cancellationToken.UnsafeRegister(static c => ((RlpxConnection)c!).Dispose(), connection);
            PublicKey key = await connection.HandshakeAsync(
                server._options.PrivateKey, incoming.ExpectedNode?.PublicKey, RandomSource.System, cancellationToken).ConfigureAwait(false);
            var remote = incoming.RemoteEndPoint as IPEndPoint;
            Node ??= Node.Create(key, remote?.Address ?? IPAddress.Loopback, remote?.Port ?? 0, remote?.Port ?? 0);
            await server.AskAsync(() =>
            {
                server.CheckAfterEncryption(this);
                return true;
            }).ConfigureAwait(false);
            bool isAdmitted = false;
            try
            {
                Stage = DialStage.ProtocolHandshake;
                Hello hello = await connection.ExchangeHelloAsync(server._hello, key, cancellationToken).ConfigureAwait(false);

                // From here on nothing waits for bytes; a deadline that passes while the loop decides must not close what is a peer by then.
                await closing.DisposeAsync().ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                Task<Peer> admission = await server.AskAsync(() => server.AdmitOrReplace(this, hello, cancellationToken)).ConfigureAwait(false);
                Peer peer = await admission.ConfigureAwait(false);
                isAdmitted = true;
                return peer;
            }
            finally
            {
                if (!isAdmitted && Flags.HasFlag(ConnectionFlags.Inbound))
                {
                    server.Post(() => server._dials.InboundCompleted(server.Now, Node.Id));
                }
            }
        }
    }

    private static byte[] EncodeHello(ServerOptions options)
    {
        Capability[] capabilities = [.. options.Protocols.Select(static p => p.Capability).Order()];
        return RlpEncoding.Encode(new Hello(Hello.CurrentVersion, options.Name, capabilities, 0, options.PrivateKey.PublicKey));
    }
}
