using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using DevP2P.NetUtil;

namespace DevP2P.Nat;

/// <summary>Asks one STUN server: for our address, and for how a NAT behaves (RFC 5780).</summary>
internal static class StunClient
{
    /// <summary>RFC 8489, section 6.2.1, has seven attempts, 39.5 s in all. Three take 3.5 s.</summary>
    public static readonly Retransmission Retransmission = new(TimeSpan.FromMilliseconds(500), 3);

    private const int TransactionIdSize = 12;

    /// <summary>From which address a server sees us.</summary>
    /// <exception cref="NatException">It does not say.</exception>
    public static async Task<IPAddress> GetAddressAsync(IPEndPoint server, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            // Connected, so that we are told when nobody listens.
            using Socket socket = Gateways.Connect(server);
            StunMessage? answer = await AskAsync(socket, null, StunChange.None, server, time, cancellationToken).ConfigureAwait(false);
            return Mapped(answer, server).Address;
        }
        catch (SocketException e)
        {
            throw new NatException(NatError.NotFound, $"the STUN server {server} cannot be reached: {e.Message}", e);
        }
    }

    /// <summary>
    /// How the NATs between us and a server treat a port of ours. What needs more of the server than it has stays
    /// <see cref="StunBehavior.Unknown"/>.
    /// </summary>
    /// <exception cref="NatException">The server does not answer at all.</exception>
    public static async Task<StunReport> GetBehaviorAsync(IPEndPoint server, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            // One socket for all, so not connected: the mapping of one port is what all this is about.
            using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            IPAddress local = Gateways.LocalAddressToward(server.Address)
                ?? throw new NatException(NatError.NotFound, $"the STUN server {server} cannot be reached");
            socket.Bind(new IPEndPoint(local, 0));
            return await GetBehaviorAsync(socket, server, time, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new NatException(NatError.NotFound, $"the STUN server {server} cannot be reached: {e.Message}", e);
        }
    }

    /// <summary>The same of a port that a socket is bound to already.</summary>
    internal static async Task<StunReport> GetBehaviorAsync(Socket socket, IPEndPoint server, TimeProvider time, CancellationToken cancellationToken)
    {
        StunMessage? first = await AskAsync(socket, server, StunChange.None, server, time, cancellationToken).ConfigureAwait(false);
        IPEndPoint mapped = Mapped(first, server);
        var report = new StunReport((IPEndPoint)socket.LocalEndPoint!, mapped);

        // A server must not make us send datagrams to hosts that cannot be its own.
        if (first?.OtherEndPoint is not { } other || other.AddressFamily != server.AddressFamily || other.Port == 0 || other.Port == server.Port
            || other.Address.Equals(server.Address) || AddressRules.CheckRelayAddress(server.Address, other.Address) is not null)
        {
            return report;
        }

        // Filtering first (section 4.4): whatever is sent to the other address opens the way back from there.
        var otherPort = new IPEndPoint(server.Address, other.Port);
        report = report with
        {
            Filtering = await AnswersAsync(StunChange.Both, other).ConfigureAwait(false) ? StunBehavior.EndpointIndependent
                : await AnswersAsync(StunChange.Port, otherPort).ConfigureAwait(false) ? StunBehavior.AddressDependent
                : StunBehavior.AddressAndPortDependent,
        };

        // Mapping (section 4.3): whether we look the same from the other address, and from its other port.
        var otherAddress = new IPEndPoint(other.Address, server.Port);
        StunMessage? second = await AskAsync(socket, otherAddress, StunChange.None, otherAddress, time, cancellationToken).ConfigureAwait(false);
        if (second?.MappedEndPoint is not { } secondMapped || secondMapped.Equals(mapped))
        {
            return second?.MappedEndPoint is null ? report : report with { Mapping = StunBehavior.EndpointIndependent };
        }

        StunMessage? third = await AskAsync(socket, other, StunChange.None, other, time, cancellationToken).ConfigureAwait(false);
        return third?.MappedEndPoint is not { } thirdMapped ? report : report with
        {
            Mapping = thirdMapped.Equals(secondMapped) ? StunBehavior.AddressDependent : StunBehavior.AddressAndPortDependent,
        };

        async Task<bool> AnswersAsync(StunChange change, IPEndPoint from) =>
            await AskAsync(socket, server, change, from, time, cancellationToken).ConfigureAwait(false) is { Type: StunType.Success };
    }

    private static Task<StunMessage?> AskAsync(
        Socket socket, IPEndPoint? to, StunChange change, IPEndPoint expected, TimeProvider time, CancellationToken cancellationToken)
    {
        Span<byte> random = stackalloc byte[TransactionIdSize];
        RandomNumberGenerator.Fill(random);
        var id = new UInt128(BitConverter.ToUInt32(random), BitConverter.ToUInt64(random[sizeof(uint)..]));
        return UdpExchange.AskAsync(
            socket, to, StunCodec.BindingRequest(id, change), Retransmission, StunCodec.MaxMessageSize,
            (ReadOnlySpan<byte> packet, IPEndPoint from, out StunMessage read) => StunCodec.TryDecode(packet, out read)
                && read.TransactionId == id && read.Type is StunType.Success or StunType.Error && from.Equals(expected), time, cancellationToken);
    }

    private static IPEndPoint Mapped(StunMessage? answer, IPEndPoint server) => answer switch
    {
        null => throw new NatException(NatError.NotFound, $"the STUN server {server} does not answer"),
        { Type: StunType.Error } => throw new NatException(NatError.Refused, $"the STUN server {server} refuses, with error {answer?.ErrorCode}"),
        { HasUnknownRequired: false, MappedEndPoint: { } mapped }
            when mapped.AddressFamily == server.AddressFamily && !mapped.Address.Equals(IPAddress.Any) && !mapped.Address.Equals(IPAddress.IPv6Any) => mapped,
        _ => throw new NatException(NatError.Malformed, $"the answer of the STUN server {server} cannot be understood"),
    };
}

/// <summary>What a NAT's treatment of a port depends on (RFC 4787, sections 4.1 and 5).</summary>
internal enum StunBehavior
{
    /// <summary>The server cannot tell.</summary>
    Unknown,

    /// <summary>On nothing else: for mapping, all see the same port; for filtering, all reach it.</summary>
    EndpointIndependent,

    /// <summary>On the other side's address.</summary>
    AddressDependent,

    /// <summary>On the other side's address and port ("symmetric", if it is the mapping).</summary>
    AddressAndPortDependent,
}

/// <summary>How the NATs between us and a server behave.</summary>
/// <param name="Local">Our endpoint.</param>
/// <param name="Mapped">The same, as the server sees it.</param>
internal sealed record StunReport(IPEndPoint Local, IPEndPoint Mapped)
{
    /// <summary>Whether there is any NAT.</summary>
    public bool IsTranslated => !Local.Equals(Mapped);

    /// <summary>What our port outside depends on.</summary>
    public StunBehavior Mapping { get; init; }

    /// <summary>What it depends on whether we can be reached there. A firewall counts, too.</summary>
    public StunBehavior Filtering { get; init; }
}
