using System.Globalization;
using System.Net;
using DevP2P.NetUtil;

namespace DevP2P.Nat;

/// <summary>A gateway that was found, and what can be asked of it (WANIPConnection:1 and :2, WANPPPConnection:1).</summary>
/// <param name="http">The way to it.</param>
/// <param name="from">The address of ours towards it: the one that ports are mapped to.</param>
/// <param name="service">Its service.</param>
internal sealed class UpnpGateway(UpnpHttp http, IPAddress from, UpnpService service)
{
    /// <summary>The longest lease there is (WANIPConnection:2, section 2.3.17).</summary>
    public static readonly TimeSpan MaxLease = TimeSpan.FromDays(7);

    private const int InvalidAction = 401;
    private const int ActionNotImplemented = 602;
    private const int NoSuchEntry = 714;
    private const int ConflictInMappingEntry = 718;
    private const int SamePortValuesRequired = 724;
    private const int OnlyPermanentLeases = 725;
    private const int ExternalPortOnlySupportsWildcard = 727;
    private const int ConflictWithOtherMechanisms = 729;

    private bool _onlyPermanentLeases;

    /// <summary>The service.</summary>
    public UpnpService Service => service;

    /// <summary>Whether it was connected to the internet when it was last asked.</summary>
    public bool IsConnected { get; private set; }

    private string Host => service.ControlUrl.Host;

    /// <summary>Finds out whether the service answers, and is connected.</summary>
    /// <exception cref="NatException">It does not answer.</exception>
    public async Task ProbeAsync(CancellationToken cancellationToken) => await GetInfoAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>The address outside, and for how long it has been connected.</summary>
    public async Task<NatStatus> GetStatusAsync(CancellationToken cancellationToken)
    {
        SoapMessage info = await GetInfoAsync(cancellationToken).ConfigureAwait(false);
        if (!IsConnected)
        {
            // miniupnpd says so, too, when its own address is private.
            string status = SoapMessage.ToPrintable(info["NewConnectionStatus"] ?? $"error {info.FaultCode}");
            throw new NatException(NatError.Refused, $"the gateway {Host} is not connected to the internet, or behind another NAT: it says {status}");
        }

        SoapMessage answer = Expect(await CallAsync("GetExternalIPAddress", cancellationToken).ConfigureAwait(false), "GetExternalIPAddress");
        if (answer["NewExternalIPAddress"] is null or "" or "0.0.0.0")
        {
            throw new NatException(NatError.Refused, $"the gateway {Host} has no address outside: it is not connected to the internet");
        }

        return AddressRules.TryParse(answer["NewExternalIPAddress"]!, out IPAddress? address) && address.AddressFamily == from.AddressFamily
            ? new NatStatus { ExternalAddress = address, Uptime = ReadSeconds(info["NewUptime"]) }
            : throw Malformed("GetExternalIPAddress");
    }

    /// <summary>Makes a mapping or renews it.</summary>
    public async Task<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken)
    {
        int port = request.ExternalPort;
        SoapMessage answer = await AddAsync("AddPortMapping", request, port, cancellationToken).ConfigureAwait(false);
        if (answer.FaultCode == SamePortValuesRequired && port != request.InternalPort)
        {
            port = request.InternalPort;
            answer = await AddAsync("AddPortMapping", request, port, cancellationToken).ConfigureAwait(false);
        }

        if (answer.FaultCode is ConflictInMappingEntry or ConflictWithOtherMechanisms && service.HasAnyPort)
        {
            // Not at first: a gateway may choose another port each time, and renewing would change the port for ever.
            SoapMessage any = await AddAsync("AddAnyPortMapping", request, port, cancellationToken).ConfigureAwait(false);
            if (any.FaultCode is null)
            {
                (port, answer) = (ReadPort(any["NewReservedPort"]) ?? throw Malformed("AddAnyPortMapping"), any);
            }
        }

        Expect(answer, "AddPortMapping");
        return await CheckAsync(request, port, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes a mapping, if it is ours: who has got the port after our lease keeps it.</summary>
    public async Task UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken)
    {
        if (await GetEntryAsync(request, request.ExternalPort, cancellationToken).ConfigureAwait(false) is { } entry && !IsOurs(entry, request))
        {
            return;
        }

        SoapMessage answer = await CallAsync("DeletePortMapping", cancellationToken, EntryOf(request, request.ExternalPort)).ConfigureAwait(false);
        if (answer.FaultCode != NoSuchEntry)
        {
            Expect(answer, "DeletePortMapping");
        }
    }

    private async Task<SoapMessage> GetInfoAsync(CancellationToken cancellationToken)
    {
        SoapMessage info = await CallAsync("GetStatusInfo", cancellationToken).ConfigureAwait(false);
        IsConnected = info["NewConnectionStatus"] == "Connected";
        return info;
    }

    /// <summary>
    /// What has become of a mapping that a gateway says it has made. Some cut the lease, others silently leave the port to whom it
    /// belonged. Those that do not tell are believed.
    /// </summary>
    private async Task<NatMapping> CheckAsync(NatMappingRequest request, int port, CancellationToken cancellationToken)
    {
        SoapMessage? entry = await GetEntryAsync(request, port, cancellationToken).ConfigureAwait(false);
        if (entry is not null && !IsOurs(entry, request))
        {
            throw new NatException(NatError.Conflict, $"the gateway {Host} leaves port {port} to another host");
        }

        // A permanent one is renewed as well: a gateway that restarts may forget it.
        TimeSpan lease = LeaseOf(request);
        TimeSpan granted = ReadSeconds(entry?["NewLeaseDuration"]) is { } left && left > TimeSpan.Zero && left < lease ? left : lease;
        return new NatMapping { ExternalPort = port, Lifetime = granted };
    }

    private bool IsOurs(SoapMessage entry, NatMappingRequest request) =>
        // A host's name, which is allowed, tells nothing.
        (!IPAddress.TryParse(entry["NewInternalClient"], out IPAddress? client) || client.Equals(from))
        && (ReadPort(entry["NewInternalPort"]) is not { } port || port == request.InternalPort);

    private async Task<SoapMessage> AddAsync(string action, NatMappingRequest request, int port, CancellationToken cancellationToken)
    {
        SoapMessage answer = await AddOnceAsync(action, request, port, cancellationToken).ConfigureAwait(false);
        if (answer.FaultCode != OnlyPermanentLeases || _onlyPermanentLeases)
        {
            return answer;
        }

        _onlyPermanentLeases = true;
        return await AddOnceAsync(action, request, port, cancellationToken).ConfigureAwait(false);
    }

    private Task<SoapMessage> AddOnceAsync(string action, NatMappingRequest request, int port, CancellationToken cancellationToken) => CallAsync(
        action,
        cancellationToken,
        [
            .. EntryOf(request, port),
            ("NewInternalPort", ToText(request.InternalPort)),
            ("NewInternalClient", from.ToString()),
            ("NewEnabled", "1"),
            ("NewPortMappingDescription", SoapMessage.ToPrintable(request.Description)),
            ("NewLeaseDuration", ToText(_onlyPermanentLeases ? 0 : (int)Math.Ceiling(LeaseOf(request).TotalSeconds))),
        ]);

    /// <summary>Who has a port; null if there is nobody, or the gateway does not tell.</summary>
    private async Task<SoapMessage?> GetEntryAsync(NatMappingRequest request, int port, CancellationToken cancellationToken)
    {
        try
        {
            SoapMessage entry = await CallAsync("GetSpecificPortMappingEntry", cancellationToken, EntryOf(request, port)).ConfigureAwait(false);
            return entry.FaultCode is null ? entry : null;
        }
        catch (NatException)
        {
            return null;
        }
    }

    private async Task<SoapMessage> CallAsync(string action, CancellationToken cancellationToken, params (string Name, string Value)[] arguments)
    {
        byte[] call = SoapMessage.WriteCall(service.Type, action, arguments);
        SoapMessage answer = await http.CallAsync(from, service, action, call, cancellationToken).ConfigureAwait(false);
        return answer.FaultCode is not null || answer.Name == action + "Response" ? answer : throw Malformed(action);
    }

    private SoapMessage Expect(SoapMessage answer, string action) => answer.FaultCode switch
    {
        null => answer,
        ConflictInMappingEntry or ConflictWithOtherMechanisms or SamePortValuesRequired or ExternalPortOnlySupportsWildcard =>
            throw Fault(NatError.Conflict, answer, action),
        InvalidAction or ActionNotImplemented => throw Fault(NatError.Unsupported, answer, action),
        _ => throw Fault(NatError.Refused, answer, action),
    };

    private NatException Fault(NatError error, SoapMessage answer, string action) =>
        new(error, $"the gateway {Host} answers {action} with error {answer.FaultCode} ({answer.FaultText})");

    private NatException Malformed(string action) => new(NatError.Malformed, $"the gateway {Host} does not answer {action} as it should");

    private static (string Name, string Value)[] EntryOf(NatMappingRequest request, int port) =>
        [("NewRemoteHost", ""), ("NewExternalPort", ToText(port)), ("NewProtocol", request.Protocol == NatProtocol.Tcp ? "TCP" : "UDP")];

    private static TimeSpan LeaseOf(NatMappingRequest request) => request.Lifetime < MaxLease ? request.Lifetime : MaxLease;

    private static TimeSpan? ReadSeconds(string? text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint seconds) ? TimeSpan.FromSeconds(seconds) : null;

    private static int? ReadPort(string? text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0 ? port : null;

    private static string ToText(int number) => number.ToString(CultureInfo.InvariantCulture);
}
