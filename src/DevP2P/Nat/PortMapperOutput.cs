using System.Net;

namespace DevP2P.Nat;

/// <summary>A port of ours that is to be reached from outside.</summary>
/// <param name="IsIPv6">The address family: IPv6, or else IPv4.</param>
/// <param name="Protocol">UDP or TCP.</param>
/// <param name="InternalPort">The port that this host listens on.</param>
internal readonly record struct PortTarget(bool IsIPv6, NatProtocol Protocol, int InternalPort);

/// <summary>What a <see cref="PortMapper"/> hands out: calls to be made, and what has come of them.</summary>
internal abstract record PortMapperOutput;

/// <summary>A call that is to be made; its answer, or its failure, comes back with its id.</summary>
/// <param name="Id">No two calls have the same.</param>
/// <param name="IsIPv6">The address family.</param>
internal abstract record NatCall(long Id, bool IsIPv6) : PortMapperOutput;

/// <summary>Ask where this host is seen from outside.</summary>
internal sealed record StatusWanted(long Id, bool IsIPv6) : NatCall(Id, IsIPv6);

/// <summary>Make a mapping, or renew it.</summary>
internal sealed record MapWanted(long Id, PortTarget Target, int ExternalPort, TimeSpan Lifetime) : NatCall(Id, Target.IsIPv6);

/// <summary>Remove a mapping.</summary>
internal sealed record UnmapWanted(long Id, PortTarget Target, int ExternalPort, TimeSpan Lifetime) : NatCall(Id, Target.IsIPv6);

/// <summary>An answer to this call is not waited for any more: it may be ended.</summary>
internal sealed record CallAbandoned(long Id) : PortMapperOutput;

/// <summary>The external address is known, is another one, or is not known any more (null).</summary>
internal sealed record ExternalAddressChanged(bool IsIPv6, IPAddress? Address) : PortMapperOutput;

/// <summary>A port is mapped now, or to another external port than <paramref name="Before"/>, which is 0 if there was none.</summary>
internal sealed record PortMapped(PortTarget Target, int ExternalPort, int Before) : PortMapperOutput;

/// <summary>A port is not mapped any more.</summary>
internal sealed record PortLost(PortTarget Target, int ExternalPort, string Reason) : PortMapperOutput;

/// <summary>An external port is taken, and the next one is tried.</summary>
internal sealed record PortTaken(PortTarget Target, int ExternalPort, int Next, string Reason) : PortMapperOutput;

/// <summary>A port could not be mapped, or its mapping not be renewed; tried again after a while.</summary>
internal sealed record MapFailed(PortTarget Target, int ExternalPort, NatError Error, string Reason, TimeSpan RetryIn) : PortMapperOutput;

/// <summary>The device did not say where this host is seen; asked again after a while.</summary>
internal sealed record StatusFailed(bool IsIPv6, NatError Error, string Reason, TimeSpan RetryIn) : PortMapperOutput;

/// <summary>A mapping could not be removed: it stays until its lifetime ends.</summary>
internal sealed record UnmapFailed(PortTarget Target, int ExternalPort, string Reason) : PortMapperOutput;

/// <summary>The device has lost its mappings, by its uptime; all are made again.</summary>
internal sealed record GatewayRestarted(bool IsIPv6) : PortMapperOutput;

/// <summary>All mappings are removed, as far as that can be; nothing will come any more.</summary>
internal sealed record MapperDone : PortMapperOutput;
