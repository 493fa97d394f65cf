using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace DevP2P.Nat;

/// <summary>
/// Maps ports by PCP (RFC 6887). Over IPv6 a mapping opens a firewall; the address outside is then the same.
/// </summary>
/// <remarks>
/// Go has nothing of the kind. An external port that cannot be had is replaced by the gateway with another: we do not ask it to
/// prefer a failure (section 13.2).
/// </remarks>
internal sealed class Pcp : INat
{
    /// <summary>
    /// How long the mapping may live by which the address outside is found out, should its end get lost: there is no request for the
    /// address alone (section 11.6).
    /// </summary>
    public static readonly TimeSpan ProbeLifetime = TimeSpan.FromMinutes(2);

    /// <summary>As in section 8.1.1, but the RFC never gives up. Two attempts take 9.9 s.</summary>
    public static readonly Retransmission Retransmission = new(TimeSpan.FromSeconds(3), 2, 0.1);

    private const int KeySize = 32;

    private readonly GatewayLink _link;
    private readonly byte[] _nonceKey;

    /// <param name="gateway">The gateway; null for the default gateway.</param>
    /// <param name="time">For waits.</param>
    /// <param name="port">Where the gateway listens.</param>
    /// <param name="find">Finds the default gateway.</param>
    /// <param name="nonceKey">
    /// A secret that the mappings' nonces are made from; null for a new one. Who keeps it can renew and remove, after a restart, what
    /// was mapped before it.
    /// </param>
    public Pcp(
        IPAddress? gateway, TimeProvider time, int port = PcpCodec.DefaultPort, Func<AddressFamily, IPAddress?>? find = null, byte[]? nonceKey = null)
    {
        _link = new GatewayLink("pcp", gateway, port, time, find);
        _nonceKey = nonceKey ?? RandomNumberGenerator.GetBytes(KeySize);
    }

    /// <inheritdoc/>
    public bool CanMap => true;

    /// <inheritdoc/>
    /// <remarks>Maps the port of the socket that asks, which nobody else can listen on meanwhile, and removes that mapping.</remarks>
    public async ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default)
    {
        if (!_link.Covers(family))
        {
            return new NatStatus();
        }

        using Socket socket = _link.Connect(family);
        ushort port = (ushort)LocalEndPoint(socket).Port;
        PcpMap map = MapOf(socket, NatProtocol.Udp, port);
        try
        {
            PcpAnswer answer = await MapAsync(socket, map, port, (uint)ProbeLifetime.TotalSeconds, cancellationToken).ConfigureAwait(false);
            return new NatStatus { ExternalAddress = answer.ExternalAddress, Uptime = answer.Epoch };
        }
        finally
        {
            SendEnd(socket, map);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        uint lifetime = GatewayLink.LifetimeOf(request);
        using Socket socket = Connect(request);
        PcpMap map = MapOf(socket, request.Protocol, (ushort)request.InternalPort);
        PcpAnswer answer = await MapAsync(socket, map, (ushort)request.ExternalPort, lifetime, cancellationToken).ConfigureAwait(false);
        return new NatMapping
        {
            ExternalPort = answer.ExternalPort,
            ExternalAddress = answer.ExternalAddress,
            Lifetime = answer.Lifetime,
            Uptime = answer.Epoch,
        };
    }

    /// <inheritdoc/>
    public async ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        using Socket socket = Connect(request);
        PcpMap map = MapOf(socket, request.Protocol, (ushort)request.InternalPort);
        await AskAsync(socket, map, 0, 0, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks whether there is a PCP server at all, without mapping anything.</summary>
    /// <returns>For how long it has kept its mappings.</returns>
    /// <exception cref="NatException">There is none.</exception>
    public async Task<TimeSpan> AnnounceAsync(AddressFamily family, CancellationToken cancellationToken)
    {
        using Socket socket = _link.Connect(family);
        PcpAnswer answer = await _link.AskAsync(
            socket, PcpCodec.AnnounceRequest(LocalEndPoint(socket).Address), Retransmission, PcpCodec.MaxPacketSize,
            (ReadOnlySpan<byte> packet, IPEndPoint _, out PcpAnswer read) => PcpCodec.TryDecode(packet, out read)
                && (read.Operation == PcpOperation.Announce || read.Version != PcpCodec.Version), cancellationToken).ConfigureAwait(false);
        ThrowOnFailure(answer);
        return answer.Epoch;
    }

    /// <inheritdoc/>
    public override string ToString() => _link.ToString();

    private static IPEndPoint LocalEndPoint(Socket socket) => (IPEndPoint)socket.LocalEndPoint!;

    private Socket Connect(NatMappingRequest request)
    {
        GatewayLink.Check(request);
        return _link.Covers(request.Family)
            ? _link.Connect(request.Family)
            : throw new NatException(NatError.Unsupported, $"{this} has nothing to do with {GatewayLink.NameOf(request.Family)}");
    }

    /// <summary>
    /// The mapping with its nonce, the same whenever it is renewed and when it is removed (section 11.2), and another for each gateway
    /// and each address of ours: a keyed hash of all that, so that there is nothing to remember and nothing to guess.
    /// </summary>
    private PcpMap MapOf(Socket socket, NatProtocol transport, ushort internalPort)
    {
        byte[] what =
        [
            .. ((IPEndPoint)socket.RemoteEndPoint!).Address.MapToIPv6().GetAddressBytes(),
            .. LocalEndPoint(socket).Address.MapToIPv6().GetAddressBytes(),
            (byte)transport, (byte)(internalPort >> 8), (byte)internalPort,
        ];
        byte[] hash = HMACSHA256.HashData(_nonceKey, what);
        return new PcpMap(new UInt128(BinaryPrimitives.ReadUInt32BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash.AsSpan(4))), transport, internalPort);
    }

    private async Task<PcpAnswer> MapAsync(Socket socket, PcpMap map, ushort externalPort, uint lifetime, CancellationToken cancellationToken)
    {
        PcpAnswer answer = await AskAsync(socket, map, externalPort, lifetime, cancellationToken).ConfigureAwait(false);
        return answer is { ExternalPort: not 0, ExternalAddress: { } address } && answer.Lifetime > TimeSpan.Zero
            && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any) && address.AddressFamily == socket.AddressFamily
            ? answer
            : throw new NatException(NatError.Malformed, "the gateway's answer grants no port, no address, or no time");
    }

    private async Task<PcpAnswer> AskAsync(Socket socket, PcpMap map, ushort externalPort, uint lifetime, CancellationToken cancellationToken)
    {
        PcpAnswer answer = await _link.AskAsync(
            socket, PcpCodec.MapRequest(LocalEndPoint(socket).Address, map, externalPort, lifetime), Retransmission, PcpCodec.MaxPacketSize,
            (ReadOnlySpan<byte> packet, IPEndPoint _, out PcpAnswer read) => PcpCodec.TryDecode(packet, out read) && IsAnswerTo(read, map),
            cancellationToken).ConfigureAwait(false);
        // miniupnpd says "no resources" where there is nothing to remove; RFC 6887, section 15, wants a success.
        if (lifetime != 0 || answer.Result != PcpResult.NoResources)
        {
            ThrowOnFailure(answer);
        }

        return answer;
    }

    /// <summary>A failure may come without the mapping; a gateway that speaks another version cannot know what it was asked for.</summary>
    private static bool IsAnswerTo(in PcpAnswer answer, PcpMap map) =>
        answer.Version != PcpCodec.Version
        || (answer.Operation == PcpOperation.Map && (answer.Map == map || (answer.Map is null && answer.Result != PcpResult.Success)));

    private static void SendEnd(Socket socket, PcpMap map)
    {
        try
        {
            // Nobody waits for the answer: the mapping ends by itself, too.
            socket.Send(PcpCodec.MapRequest(LocalEndPoint(socket).Address, map, 0, 0));
        }
        catch (SocketException)
        {
            // Nobody listens.
        }
    }

    private static void ThrowOnFailure(in PcpAnswer answer)
    {
        (NatError Error, string Text)? failure = answer.Result switch
        {
            PcpResult.Success => null,
            PcpResult.UnsupportedVersion when answer.Version == 0 => (NatError.Unsupported, "the gateway speaks NAT-PMP and not PCP: use pmp"),
            PcpResult.UnsupportedVersion => (NatError.Unsupported, $"the gateway speaks version {answer.Version} of PCP, not 2"),
            PcpResult.NotAuthorized => (NatError.Refused, "the gateway refuses: port mapping is not allowed for this host or port, or the port is "
                + "mapped already by another program, or by this one before it was started again: that ends with its lifetime"),
            PcpResult.MalformedRequest or PcpResult.UnsupportedOperation or PcpResult.UnsupportedOption or PcpResult.MalformedOption
                or PcpResult.UnsupportedProtocol => (NatError.Unsupported, $"the gateway cannot do that by PCP ({answer.Result})"),
            PcpResult.NetworkFailure => (NatError.Refused, "the gateway is not connected itself"),
            PcpResult.NoResources => (NatError.Refused, "the gateway has no room for more mappings, or no public address itself (double NAT)"),
            PcpResult.UserExceededQuota => (NatError.Refused, "this host has as many mappings as the gateway allows it"),
            PcpResult.CannotProvideExternal => (NatError.Conflict, "the external port cannot be had"),
            PcpResult.AddressMismatch => (NatError.Refused, "there is another NAT between this host and the gateway"),
            _ => (NatError.Refused, $"the gateway refuses, with result {(int)answer.Result}"),
        };
        if (failure is { } found)
        {
            throw new NatException(found.Error, found.Text);
        }
    }
}
