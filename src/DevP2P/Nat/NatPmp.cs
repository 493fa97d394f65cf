using System.Net;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>Maps ports by NAT-PMP (RFC 6886). IPv4 only.</summary>
/// <remarks>
/// Go: <c>nat.PMP</c>, which without a gateway given asks the first address of each private network. When a port is taken the gateway
/// grants another (section 3.3), so there is no <see cref="NatError.Conflict"/> here.
/// </remarks>
internal sealed class NatPmp : INat
{
    /// <summary>The RFC (section 3.1) has nine attempts, 128 s in all. Five take 7.75 s.</summary>
    public static readonly Retransmission Retransmission = new(TimeSpan.FromMilliseconds(250), 5);

    private readonly GatewayLink _link;

    /// <param name="gateway">The gateway; null for the default gateway.</param>
    /// <param name="time">For waits.</param>
    /// <param name="port">Where the gateway listens.</param>
    /// <param name="find">Finds the default gateway.</param>
    public NatPmp(IPAddress? gateway, TimeProvider time, int port = NatPmpCodec.DefaultPort, Func<AddressFamily, IPAddress?>? find = null) =>
        _link = new GatewayLink("pmp", gateway, port, time, find);

    /// <inheritdoc/>
    public bool CanMap => true;

    /// <inheritdoc/>
    public async ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default)
    {
        if (family != AddressFamily.InterNetwork)
        {
            return new NatStatus();
        }

        using Socket socket = _link.Connect(family);
        NatPmpAnswer answer = await AskAsync(socket, NatPmpOperation.Address, 0, NatPmpCodec.AddressRequest(), cancellationToken).ConfigureAwait(false);
        return answer.ExternalAddress is { } address && !address.Equals(IPAddress.Any)
            ? new NatStatus { ExternalAddress = address, Uptime = answer.Epoch }
            : throw new NatException(NatError.Refused, "the gateway has no address outside: it is not connected");
    }

    /// <inheritdoc/>
    public async ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        NatPmpAnswer answer = await MapAsync(request, GatewayLink.LifetimeOf(request), cancellationToken).ConfigureAwait(false);
        return answer.ExternalPort != 0 && answer.Lifetime > TimeSpan.Zero
            ? new NatMapping { ExternalPort = answer.ExternalPort, Lifetime = answer.Lifetime, Uptime = answer.Epoch }
            : throw new NatException(NatError.Malformed, "the gateway's answer grants no port, or no time");
    }

    /// <inheritdoc/>
    public async ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default) =>
        await MapAsync(request, 0, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public override string ToString() => _link.ToString();

    private async Task<NatPmpAnswer> MapAsync(NatMappingRequest request, uint lifetime, CancellationToken cancellationToken)
    {
        GatewayLink.Check(request);
        if (request.Family != AddressFamily.InterNetwork)
        {
            throw new NatException(NatError.Unsupported, "NAT-PMP is of IPv4 only: try PCP");
        }

        NatPmpOperation operation = request.Protocol == NatProtocol.Tcp ? NatPmpOperation.MapTcp : NatPmpOperation.MapUdp;
        ushort internalPort = (ushort)request.InternalPort;
        ushort externalPort = lifetime == 0 ? (ushort)0 : (ushort)request.ExternalPort;
        using Socket socket = _link.Connect(request.Family);
        return await AskAsync(
            socket, operation, internalPort, NatPmpCodec.MappingRequest(operation, internalPort, externalPort, lifetime), cancellationToken).ConfigureAwait(false);
    }

    private async Task<NatPmpAnswer> AskAsync(
        Socket socket, NatPmpOperation operation, ushort internalPort, byte[] request, CancellationToken cancellationToken)
    {
        NatPmpAnswer answer = await _link.AskAsync(
            socket, request, Retransmission, PcpCodec.MaxPacketSize, (ReadOnlySpan<byte> packet, IPEndPoint _, out NatPmpAnswer read) =>
                NatPmpCodec.TryDecode(packet, out read) && IsAnswerTo(read, operation, internalPort), cancellationToken).ConfigureAwait(false);
        return answer.Result switch
        {
            NatPmpResult.Success => answer,
            NatPmpResult.UnsupportedVersion => throw new NatException(NatError.Unsupported, "the gateway does not speak NAT-PMP: try PCP"),
            NatPmpResult.UnsupportedOperation => throw new NatException(NatError.Unsupported, "the gateway cannot do that by NAT-PMP"),
            NatPmpResult.NotAuthorized => throw new NatException(
                NatError.Refused, "the gateway refuses: port mapping is switched off in it, or not allowed for this host or port"),
            NatPmpResult.NetworkFailure => throw new NatException(
                NatError.Refused, "the gateway is not connected itself, or has no public address (double NAT)"),
            NatPmpResult.OutOfResources => throw new NatException(NatError.Refused, "the gateway has no room for more mappings"),
            _ => throw new NatException(NatError.Refused, $"the gateway refuses, with result {(int)answer.Result}"),
        };
    }

    /// <summary>A failure may come without the port; a gateway that speaks another version cannot know what it was asked for.</summary>
    private static bool IsAnswerTo(in NatPmpAnswer answer, NatPmpOperation operation, ushort internalPort) =>
        answer.Result == NatPmpResult.UnsupportedVersion
        || (answer.Operation == operation && (answer.InternalPort == internalPort || (answer.InternalPort == 0 && answer.Result != NatPmpResult.Success)));
}
