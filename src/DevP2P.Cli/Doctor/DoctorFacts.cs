namespace DevP2P.Cli.Doctor;

/// <summary>What <c>devp2p doctor</c> has found out, before anybody says what it means. Times in milliseconds.</summary>
internal sealed record DoctorFacts
{
    /// <summary>The port that the node would listen on.</summary>
    public required int Port { get; init; }

    /// <summary>The addresses of this host, those of loopback excepted.</summary>
    public IReadOnlyList<AddressFact> Addresses { get; init; } = [];

    /// <summary>The default gateways.</summary>
    public IReadOnlyList<GatewayFact> Gateways { get; init; } = [];

    /// <summary>Whether the port is free.</summary>
    public IReadOnlyList<PortFact> Ports { get; init; } = [];

    /// <summary>What each method of port mapping says.</summary>
    public IReadOnlyList<MethodFact> Methods { get; init; } = [];

    /// <summary>The mappings that were tried, and removed again.</summary>
    public IReadOnlyList<MappingFact> Mappings { get; init; } = [];

    /// <summary>What a STUN server says; null if none was asked.</summary>
    public StunFact? Stun { get; init; }

    /// <summary>What a time server says; null if none was asked.</summary>
    public ClockFact? Clock { get; init; }

    /// <summary>Whether the bootnodes answer.</summary>
    public IReadOnlyList<BootnodeFact> Bootnodes { get; init; } = [];
}

/// <summary>An address of this host.</summary>
/// <param name="Interface">The interface that has it.</param>
/// <param name="Address">The address.</param>
/// <param name="Kind">Who can reach it: <c>public</c>, <c>private</c>, <c>shared</c> (RFC 6598), <c>link-local</c> or <c>special</c>.</param>
internal sealed record AddressFact(string Interface, string Address, string Kind);

/// <summary>A router between this host and the internet.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Interface">The interface that leads to it.</param>
internal sealed record GatewayFact(string Address, string Interface);

/// <summary>A port of this host.</summary>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>.</param>
/// <param name="EndPoint">Where.</param>
/// <param name="Error">Why it cannot be listened on; null if it can.</param>
/// <param name="Owner">Which program has it, as far as that can be seen.</param>
internal sealed record PortFact(string Protocol, string EndPoint, string? Error, string? Owner);

/// <summary>A method of port mapping.</summary>
/// <param name="Method">Its name.</param>
/// <param name="ExternalAddress">The address outside that it tells.</param>
/// <param name="Kind">The kind of that address, as in <see cref="AddressFact.Kind"/>.</param>
/// <param name="Error">Why it does not work; null if it does.</param>
/// <param name="Milliseconds">How long that took.</param>
internal sealed record MethodFact(string Method, string? ExternalAddress, string? Kind, string? Error, double Milliseconds);

/// <summary>A mapping that was tried.</summary>
/// <param name="Method">How.</param>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>.</param>
/// <param name="ExternalPort">The port that was granted; 0 if none was.</param>
/// <param name="IsReachable">Whether a datagram of a host that we had not written to came through; null if nobody could try.</param>
/// <param name="Error">Why there is none; null if there is.</param>
internal sealed record MappingFact(string Method, string Protocol, int ExternalPort, bool? IsReachable, string? Error);

/// <summary>How a STUN server sees this host.</summary>
/// <param name="Server">The server.</param>
/// <param name="Address">The address that it sees.</param>
/// <param name="Mapping">What our port outside depends on (RFC 4787): <c>endpointIndependent</c>, <c>addressDependent</c>, <c>addressAndPortDependent</c>, <c>unknown</c>.</param>
/// <param name="Filtering">What it depends on who can answer, in the same words.</param>
/// <param name="Error">Why it says nothing; null if it does.</param>
/// <param name="Milliseconds">How long that took.</param>
internal sealed record StunFact(string Server, string? Address, string? Mapping, string? Filtering, string? Error, double Milliseconds);

/// <summary>What a time server says of our clock.</summary>
/// <param name="Server">The server.</param>
/// <param name="Seconds">What our clock lacks; negative if it is ahead.</param>
/// <param name="Error">Why it says nothing; null if it does.</param>
internal sealed record ClockFact(string Server, double? Seconds, string? Error);

/// <summary>A bootnode that was pinged by discovery v4.</summary>
/// <param name="Node">The node.</param>
/// <param name="Milliseconds">How long its answer took; null if none came.</param>
/// <param name="SeenAs">Where it sees us.</param>
internal sealed record BootnodeFact(string Node, double? Milliseconds, string? SeenAs);
