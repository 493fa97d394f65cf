using System.Globalization;

namespace DevP2P.Cli.Doctor;

/// <summary>How grave a finding is.</summary>
internal enum Severity
{
    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Worth knowing.</summary>
    Note,

    /// <summary>Others cannot reach the node, or it cannot work, unless something is done.</summary>
    Problem,
}

/// <summary>What something means.</summary>
/// <param name="Severity">How grave it is.</param>
/// <param name="Topic">What it is about, in a word.</param>
/// <param name="Text">What was found.</param>
/// <param name="Advice">What to do; null if nothing.</param>
internal sealed record Finding(Severity Severity, string Topic, string Text, string? Advice = null);

/// <summary>Says what facts mean, and what to do. No I/O.</summary>
internal static class Diagnosis
{
    /// <summary>Packets of discovery v4 live for 20 seconds: beyond half of that some nodes drop ours.</summary>
    public const double MaxClockError = 10;

    /// <summary>From here on it is worth a word.</summary>
    public const double NotableClockError = 2;

    /// <summary>One finding for each topic.</summary>
    public static IReadOnlyList<Finding> Explain(DoctorFacts facts) =>
        [Addresses(facts), Gateway(facts), .. Ports(facts), .. Methods(facts), .. Mapping(facts), .. Stun(facts), .. Translation(facts), .. Clock(facts), .. Bootnodes(facts)];

    private static bool HasPublicIPv4(DoctorFacts facts) => facts.Addresses.Any(static a => a.Kind == AddressKind.Public && !a.Address.Contains(':', StringComparison.Ordinal));

    private static Finding Addresses(DoctorFacts facts)
    {
        if (facts.Addresses.Count == 0)
        {
            return new(Severity.Problem, "addresses", "this host has no address but loopback", "Connect it to a network.");
        }

        string list = string.Join(", ", facts.Addresses.Where(static a => a.Kind != AddressKind.LinkLocal).Select(static a => $"{a.Address} ({a.Kind}, {a.Interface})"));
        return facts.Addresses.Any(static a => a.Kind == AddressKind.Shared)
            ? new(Severity.Note, "addresses", $"{list}: shared addresses are of the provider's own NAT (RFC 6598)", "See below whether ports can be mapped; over IPv6 nothing is translated.")
            : new(Severity.Good, "addresses", list.Length == 0 ? "only link-local ones" : list);
    }

    private static Finding Gateway(DoctorFacts facts) => facts.Gateways.Count > 0
        ? new(Severity.Good, "gateway", string.Join(", ", facts.Gateways.Select(static g => $"{g.Address} ({g.Interface})")))
        : new(Severity.Problem, "gateway", "there is no default gateway: nothing outside of this network can be reached", "Check the network's settings (a default route is missing).");

    private static IEnumerable<Finding> Ports(DoctorFacts facts)
    {
        foreach (PortFact port in facts.Ports.Where(static p => p.Error is not null))
        {
            string owner = port.Owner is null ? "" : $", by {port.Owner}";
            yield return new(Severity.Problem, "ports", $"{port.Protocol} {port.EndPoint} cannot be listened on{owner}: {port.Error}", $"Stop that program, or let the node listen elsewhere: --listen :{facts.Port + 1}");
        }

        if (facts.Ports.Count > 0 && facts.Ports.All(static p => p.Error is null))
        {
            yield return new(Severity.Good, "ports", $"tcp and udp {facts.Port} are free");
        }
    }

    private static IEnumerable<Finding> Methods(DoctorFacts facts)
    {
        foreach (MethodFact method in facts.Methods)
        {
            string took = method.Milliseconds.ToString("0", CultureInfo.InvariantCulture) + " ms";
            yield return method.Error is null
                ? new(Severity.Good, method.Method, $"works ({took}); the address outside is {method.ExternalAddress ?? "not told"}{(method.Kind is null ? "" : $" ({method.Kind})")}")
                : new(Severity.Note, method.Method, $"does not work ({took}): {method.Error}");
        }
    }

    private static IEnumerable<Finding> Mapping(DoctorFacts facts)
    {
        foreach (MappingFact mapping in facts.Mappings)
        {
            string what = $"{mapping.Protocol} {facts.Port} by {mapping.Method}";
            string port = mapping.ExternalPort == facts.Port ? "" : $", but as port {mapping.ExternalPort}: {facts.Port} is taken in the router";
            yield return mapping switch
            {
                { Error: { } error } => new(Severity.Problem, "mapping", $"{what} failed: {error}", ByHand(facts)),
                { IsReachable: true } => new(Severity.Good, "mapping", $"{what} works{port}, and a stranger's datagram came through"),
                { IsReachable: false } => new(Severity.Problem, "mapping", $"{what} was granted{port}, but no stranger's datagram came through: something else filters", "Look for another router or a firewall before this one (double NAT), or on this host."),
                _ => new(Severity.Good, "mapping", $"{what} was granted{port}; whether it holds was not tried from outside"),
            };
        }

        if (facts.Methods.Count > 0 && facts.Mappings.Count == 0 && !HasPublicIPv4(facts))
        {
            yield return new(Severity.Problem, "mapping", "no method maps ports here: nobody outside can connect to this node", ByHand(facts));
        }
    }

    private static string ByHand(DoctorFacts facts) =>
        $"Turn on UPnP, NAT-PMP or PCP in the router; or forward tcp and udp {facts.Port} to this host there, and start the node with --nat extip:<your public address>.";

    private static IEnumerable<Finding> Stun(DoctorFacts facts)
    {
        if (facts.Stun is not { } stun)
        {
            yield break;
        }

        if (stun.Error is not null)
        {
            yield return new(Severity.Note, "stun", $"{stun.Server}: {stun.Error}", "If other servers do not answer either, UDP is blocked: ask who runs the network.");
            yield break;
        }

        yield return new(Severity.Good, "stun", $"{stun.Server} sees {stun.Address}");
        bool isTranslated = facts.Addresses.All(a => a.Address != stun.Address);
        if (!isTranslated)
        {
            yield return new(Severity.Good, "NAT type", stun.Filtering is "addressDependent" or "addressAndPortDependent"
                ? "none, but a firewall lets in only whom one has written to"
                : "none: addresses are not translated");
        }
        else if (stun.Mapping is "addressDependent" or "addressAndPortDependent")
        {
            yield return new(Severity.Problem, "NAT type", "symmetric: every other host sees this one at another port, so that nobody can tell others where it is", "Only mapped or forwarded ports help: turn on UPnP, NAT-PMP or PCP in the router.");
        }
        else
        {
            yield return new(Severity.Good, "NAT type", stun switch
            {
                { Mapping: "endpointIndependent", Filtering: "endpointIndependent" } => "full cone: all see this host at one port, and all reach it there",
                { Mapping: "endpointIndependent", Filtering: "addressDependent" } => "restricted cone: who was written to can answer from any port",
                { Mapping: "endpointIndependent", Filtering: "addressAndPortDependent" } => "port-restricted cone: who was written to can answer",
                _ => "there is one; the STUN server cannot tell more",
            });
        }
    }

    /// <summary>One NAT behind another, as their addresses show it.</summary>
    private static IEnumerable<Finding> Translation(DoctorFacts facts)
    {
        MethodFact[] told = [.. facts.Methods.Where(static m => m.ExternalAddress is not null)];
        string? seen = facts.Stun?.Address;
        if (Array.Find(told, static m => m.Kind == AddressKind.Shared) is { } shared)
        {
            yield return new(Severity.Problem, "CGNAT", $"the router's address outside, {shared.ExternalAddress}, is shared (RFC 6598): the provider translates addresses once more (carrier-grade NAT)", "Ask the provider for a public IPv4 address, or use IPv6.");
        }
        else if (Array.Find(told, static m => m.Kind is AddressKind.Private or AddressKind.LinkLocal or AddressKind.Special) is { } inner)
        {
            yield return new(Severity.Problem, "double NAT", $"the router's address outside, {inner.ExternalAddress}, is {inner.Kind}: there is another router before the internet", "Put one of the two into bridge mode, or forward the ports in the outer one, too.");
        }
        else if (seen is not null && Array.Find(told, m => m.ExternalAddress != seen) is { } other)
        {
            yield return new(Severity.Problem, "double NAT", $"the router says that its address is {other.ExternalAddress}, but others see {seen}: something translates once more", "Put one of the two routers into bridge mode, or forward the ports in the outer one, too.");
        }
        else if (facts.Methods.Any(static m => m.Error is not null && m.Error.Contains("double NAT", StringComparison.Ordinal)) && told.Length == 0)
        {
            yield return new(Severity.Problem, "double NAT", "the router seems to have no public address itself", "Put one of the two routers into bridge mode, or forward the ports in the outer one, too.");
        }
    }

    private static IEnumerable<Finding> Clock(DoctorFacts facts)
    {
        if (facts.Clock is not { } clock)
        {
            yield break;
        }

        if (clock.Seconds is not { } seconds)
        {
            yield return new(Severity.Note, "clock", $"{clock.Server} does not tell the time: {clock.Error}", "Try another one: --sntp HOST");
            yield break;
        }

        string size = Math.Abs(seconds).ToString(Math.Abs(seconds) < 10 ? "0.000" : "0", CultureInfo.InvariantCulture);
        string text = $"{size} s {(seconds > 0 ? "behind" : "ahead")}, says {clock.Server}";
        yield return Math.Abs(seconds) switch
        {
            > MaxClockError => new(Severity.Problem, "clock", $"{text}: other nodes drop what this one sends as expired", "Set the clock: turn on time synchronisation (NTP)."),
            > NotableClockError => new(Severity.Note, "clock", text, "Turn on time synchronisation (NTP) before it becomes more."),
            _ => new(Severity.Good, "clock", text),
        };
    }

    private static IEnumerable<Finding> Bootnodes(DoctorFacts facts)
    {
        int answered = facts.Bootnodes.Count(static b => b.Milliseconds is not null);
        if (facts.Bootnodes.Count == 0)
        {
            yield return new(Severity.Note, "bootnodes", "none were given, so nobody was asked whether UDP gets through", "Name some: --bootnodes NODE, or --network mainnet");
        }
        else if (answered == 0)
        {
            yield return new(Severity.Problem, "bootnodes", $"none of {facts.Bootnodes.Count} answers", "If the nodes are right, UDP is blocked: check the firewalls of this host and of the network.");
        }
        else
        {
            double fastest = facts.Bootnodes.Min(static b => b.Milliseconds) ?? 0;
            yield return new(Severity.Good, "bootnodes", $"{answered} of {facts.Bootnodes.Count} answer, the fastest in {fastest.ToString("0.0", CultureInfo.InvariantCulture)} ms");
        }
    }
}
