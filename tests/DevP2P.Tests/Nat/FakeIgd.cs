using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Xml.Linq;
using DevP2P.Nat;

namespace DevP2P.Tests.Nat;

/// <summary>
/// A gateway on loopback: answers searches by unicast, serves its description, and keeps a table of mappings. A test may put its own
/// answers in the place of any of them.
/// </summary>
internal sealed class FakeIgd : IAsyncDisposable
{
    public const string ExternalAddress = "44.128.0.1";

    private readonly Socket _ssdp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _tasks = [];
    private TcpListener _http = null!;
    private int _searches;

    public FakeIgd(params string[] services)
    {
        Services = services.Length == 0 ? [UpnpService.WanIPConnection1] : services;
        _ssdp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Restart();
        Locations = () => [Location];
        Description = Describe;
        _tasks.Add(Task.Run(AnswerSearchesAsync));
    }

    /// <summary>Answers a request in place of the gateway; false if it should do it itself.</summary>
    public delegate Task<bool> Answer(string path, NetworkStream stream, CancellationToken stop);

    public string[] Services { get; }

    /// <summary>With patience, so that a busy machine does not matter; tests of what does not answer shorten it.</summary>
    public UpnpNetwork Network => new((IPEndPoint)_ssdp.LocalEndPoint!, () => [new UpnpInterface(IPAddress.Loopback, 8)])
    {
        SearchTimeout = TestNet.Deadline,
        SearchGrace = TimeSpan.FromMilliseconds(200),
        HttpTimeout = TestNet.Deadline,
    };

    public string Authority => _http.LocalEndpoint.ToString()!;

    public string Location => $"http://{Authority}/rootDesc.xml";

    public Func<IEnumerable<string>> Locations { get; set; }

    public Func<string> Description { get; set; }

    public Answer? Instead { get; set; }

    public string Status { get; set; } = "Connected";

    public string Address { get; set; } = ExternalAddress;

    /// <summary>The number of an error that an action has, and null for none.</summary>
    public Func<Call, int?> Fault { get; set; } = static _ => null;

    public string FaultText { get; set; } = "text";

    public int MaxLease { get; set; } = int.MaxValue;

    public bool TellsEntries { get; set; } = true;

    /// <summary>By "TCP 30303".</summary>
    public ConcurrentDictionary<string, Entry> Entries { get; } = new();

    public ConcurrentQueue<Call> Calls { get; } = new();

    public ConcurrentQueue<string> Requests { get; } = new();

    public int Searches => Volatile.Read(ref _searches);

    public IEnumerable<string> Actions => Calls.Select(call => call.Action);

    /// <summary>Listens on another port from now on; the old one is closed.</summary>
    public void Restart()
    {
        var next = new TcpListener(IPAddress.Loopback, 0);
        next.Start();
        _http?.Stop();
        _http = next;
        _tasks.Add(Task.Run(() => AcceptAsync(next)));
    }

    public static string Ok(string body) => Raw("200 OK", body);

    public static string Raw(string status, string body, string headers = "") =>
        $"HTTP/1.1 {status}\r\n{headers}Content-Type: text/xml\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

    public static string SsdpAnswer(string location, string target = "urn:schemas-upnp-org:device:InternetGatewayDevice:1") =>
        $"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: {target}\r\nUSN: uuid:1::{target}\r\nEXT:\r\nSERVER: test UPnP/1.1\r\nLOCATION: {location}\r\n\r\n";

    public string Describe() => DescribeWith("", Services.Select((service, i) => (service, $"/ctl/{i}")));

    public static string DescribeWith(string urlBase, IEnumerable<(string Type, string Control)> services) => $"""
        <?xml version="1.0"?>
        <root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>{urlBase}
        <device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><friendlyName>t</friendlyName>
        <serviceList><service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/no</controlURL></service></serviceList>
        <deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType>
        <deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType><serviceList>
        {string.Concat(services.Select(s => $"<service><serviceType>{s.Type}</serviceType><serviceId>i</serviceId><controlURL>{s.Control}</controlURL><SCPDURL>/scpd</SCPDURL></service>"))}
        </serviceList></device></deviceList></device></deviceList></device></root>
        """;

    public static string Soap(string name, string service, params (string Name, string Value)[] values) =>
        $"<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:{name} xmlns:u=\"{service}\">"
        + string.Concat(values.Select(v => $"<{v.Name}>{v.Value}</{v.Name}>")) + $"</u:{name}></s:Body></s:Envelope>";

    public static string SoapFault(int code, string text) =>
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>s:Client</faultcode>"
        + "<faultstring>UPnPError</faultstring><detail><UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\">"
        + $"<errorCode>{code}</errorCode><errorDescription>{text}</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _http.Stop();
        while (_tasks.TryTake(out Task? task))
        {
            await task.WithinDeadline();
        }

        _ssdp.Dispose();
        _stop.Dispose();
    }

    private async Task AnswerSearchesAsync()
    {
        byte[] buffer = new byte[2000];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await _ssdp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                string search = Encoding.ASCII.GetString(buffer, 0, got.ReceivedBytes);
                if (!search.StartsWith("M-SEARCH * HTTP/1.1\r\n", StringComparison.Ordinal) || !search.Contains($"ST: {Services[0]}\r\n", StringComparison.Ordinal))
                {
                    continue;
                }

                Interlocked.Increment(ref _searches);
                foreach (string location in Locations())
                {
                    await _ssdp.SendToAsync(Encoding.ASCII.GetBytes(SsdpAnswer(location, Services[0])), got.RemoteEndPoint, _stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                TcpClient client = await listener.AcceptTcpClientAsync(_stop.Token);
                _tasks.Add(Task.Run(() => ServeAsync(client)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The end: the listener is stopped, perhaps before it was listened on.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                using var reader = new StreamReader(stream, Encoding.UTF8, false, 1024, leaveOpen: true);
                if (await ReadRequestAsync(reader) is not (string[] first, { } soapAction, { } body))
                {
                    return;
                }

                Requests.Enqueue($"{first[0]} {first[1]}");
                if (Instead is not null && await Instead(first[1], stream, _stop.Token))
                {
                    return;
                }

                string answer = first[0] == "GET" ? Ok(Description()) : Handle(first[1], soapAction, body);
                await stream.WriteAsync(Encoding.UTF8.GetBytes(answer), _stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                // The end, or the client has hung up.
            }
        }
    }

    /// <summary>A request as a whole; null if the client hangs up before that.</summary>
    private async Task<(string[] First, string SoapAction, string Body)?> ReadRequestAsync(StreamReader reader)
    {
        string? first = await reader.ReadLineAsync(_stop.Token);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        string? line;
        while ((line = await reader.ReadLineAsync(_stop.Token)) is { Length: > 0 } && line.Split(": ") is [string name, string value])
        {
            headers[name] = value;
        }

        char[] body = new char[int.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture)];
        // Of nothing, it would wait for more.
        int length = line is "" && body.Length > 0 ? await reader.ReadBlockAsync(body, _stop.Token) : 0;
        return first is not null && line is "" && length == body.Length
            ? (first.Split(' '), headers.GetValueOrDefault("SOAPAction", ""), new string(body))
            : null;
    }

    private string Handle(string path, string soapAction, string body)
    {
        XElement element = XDocument.Parse(body).Descendants().Single(e => e.Name.NamespaceName.StartsWith("urn:", StringComparison.Ordinal));
        string service = element.Name.NamespaceName;
        var call = new Call(element.Name.LocalName, element.Elements().ToDictionary(e => e.Name.LocalName, e => e.Value));
        Calls.Enqueue(call);
        if (soapAction != $"\"{service}#{call.Action}\"" || path != $"/ctl/{Array.IndexOf(Services, service)}")
        {
            return Raw("500 Internal Server Error", SoapFault(401, "Invalid Action"));
        }

        (int? fault, (string, string)[] values) = Fault(call) is { } code ? (code, []) : Do(call);
        return fault is null
            ? Ok(Soap(call.Action + "Response", service, values))
            : Raw("500 Internal Server Error", SoapFault(fault.Value, FaultText));
    }

    private (int? Fault, (string Name, string Value)[] Values) Do(Call call)
    {
        switch (call.Action)
        {
            case "GetStatusInfo":
                return (null, [("NewConnectionStatus", Status), ("NewLastConnectionError", "ERROR_NONE"), ("NewUptime", "4711")]);
            case "GetExternalIPAddress":
                return (null, [("NewExternalIPAddress", Address)]);
            case "AddPortMapping":
                return (Entries.TryGetValue(call.Key, out Entry? other) && other.Client != call["NewInternalClient"] ? 718 : Add(call, call.Key), []);
            case "AddAnyPortMapping":
                int port = int.Parse(call["NewExternalPort"], CultureInfo.InvariantCulture);
                while (Entries.ContainsKey($"{call["NewProtocol"]} {port}"))
                {
                    port++;
                }

                Add(call, $"{call["NewProtocol"]} {port}");
                return (null, [("NewReservedPort", $"{port}")]);
            case "GetSpecificPortMappingEntry" when TellsEntries:
                return Entries.TryGetValue(call.Key, out Entry? entry)
                    ? (null, [("NewInternalPort", $"{entry.Port}"), ("NewInternalClient", entry.Client), ("NewEnabled", "1"), ("NewLeaseDuration", $"{entry.Lease}")])
                    : (714, []);
            case "DeletePortMapping":
                return (Entries.TryRemove(call.Key, out _) ? null : 714, []);
            default:
                return (401, []);
        }
    }

    private int? Add(Call call, string key)
    {
        int lease = Math.Min(int.Parse(call["NewLeaseDuration"], CultureInfo.InvariantCulture), MaxLease);
        Entries[key] = new Entry(
            call["NewInternalClient"], int.Parse(call["NewInternalPort"], CultureInfo.InvariantCulture), lease, call["NewPortMappingDescription"]);
        return null;
    }

    public sealed record Entry(string Client, int Port, int Lease, string Description = "");

    public sealed record Call(string Action, IReadOnlyDictionary<string, string> Arguments)
    {
        public string this[string name] => Arguments[name];

        public string Key => $"{this["NewProtocol"]} {this["NewExternalPort"]}";
    }
}
