using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>
/// A node that does not exist: answers the methods that the dashboard calls in the form of the admin API, from what the test has put into it.
/// </summary>
internal sealed class MockNode
{
    public const string Name = "mock/v1.2.3";

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private ImmutableList<MockPeer> _peers;
    private ImmutableList<(string Id, DateTimeOffset Since, DateTimeOffset? Until, string Reason)> _bans = [];
    private ImmutableList<Action<string>> _subscribers = [];

    public MockNode(int peers) => _peers = [.. Enumerable.Range(0, peers).Select(number => new MockPeer(number))];

    public static string Id => MockPeer.IdOf(Name);

    public static string Enode => $"enode://{Id}{Id}@192.0.2.1:30303";

    public IReadOnlyList<MockPeer> Peers => _peers;

    /// <summary>What was called, without what is asked for all the time.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>Methods that this node does not have.</summary>
    public HashSet<string> Missing { get; } = [];

    public List<object> Dials { get; } = [];

    public object? Nat { get; set; } = new
    {
        method = "UPnP IGDv1", externalIp = "192.0.2.1",
        mappings = new[] { new { family = "ipv4", protocol = "tcp", internalPort = 30303, externalPort = 30303 } },
    };

    public Dictionary<string, long> Dropped { get; } = new() { ["too many peers"] = 7, ["remote: useless peer"] = 21 };

    public Dictionary<string, long?> Limits { get; } = new()
    {
        ["maxPeers"] = 50, ["uploadBytesPerSecond"] = null, ["downloadBytesPerSecond"] = 1_048_576,
        ["peerUploadBytesPerSecond"] = null, ["peerDownloadBytesPerSecond"] = null,
    };

    public void Add(MockPeer peer) => _peers = _peers.Add(peer);

    /// <summary>Sends an event to all that have subscribed.</summary>
    public void Publish(object e)
    {
        // The page says that it is connected before it has subscribed.
        Assert.True(SpinWait.SpinUntil(() => !_subscribers.IsEmpty, TestSite.Deadline), "no page has subscribed");
        string text = JsonSerializer.Serialize(new { jsonrpc = "2.0", method = "devp2p_subscription", @params = new { subscription = "0x1", result = e } });
        foreach (Action<string> notify in _subscribers)
        {
            notify(text);
        }
    }

    /// <summary>A dial attempt in the form of the API.</summary>
    public static object Dial(int number, string stage, string reason, string? type = null) => new
    {
        at = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddSeconds(number), type, id = MockPeer.IdOf("dialed " + number),
        enode = "enode://x", remote = "198.51.100.7:30303", stage, succeeded = stage == "admitted", reason,
        disconnectReason = (string?)null, durationMs = 120.5 + number, @static = false,
    };

    public void Unsubscribe(Action<string> notify) => ImmutableInterlocked.Update(ref _subscribers, static (all, one) => all.Remove(one), notify);

    /// <summary>The answer to a request.</summary>
    public string Answer(JsonElement request, Action<string> notify)
    {
        JsonElement id = request.GetProperty("id");
        string method = request.GetProperty("method").GetString()!;
        try
        {
            JsonElement parameters = request.GetProperty("params");
            return JsonSerializer.Serialize(new { jsonrpc = "2.0", id, result = Call(method, parameters, notify) });
        }
        catch (NotSupportedException)
        {
            return JsonSerializer.Serialize(new { jsonrpc = "2.0", id, error = new { code = -32601, message = $"the method {method} does not exist/is not available" } });
        }
        catch (InvalidOperationException e)
        {
            return JsonSerializer.Serialize(new { jsonrpc = "2.0", id, error = new { code = -32000, message = e.Message } });
        }
    }

    private object? Call(string method, JsonElement parameters, Action<string> notify)
    {
        if (Missing.Contains(method))
        {
            throw new NotSupportedException();
        }

        double seconds = _clock.Elapsed.TotalSeconds;
        switch (method)
        {
            case "devp2p_status":
                return Status(seconds);
            case "devp2p_peers":
                return _peers.Select(peer => peer.Describe(seconds));
            case "devp2p_trafficByProtocol":
                return new[] { Traffic("p2p/5", 10, seconds), Traffic("eth/68", 40_000, seconds), Traffic("snap/1", 9_000, seconds) };
            case "devp2p_table":
                return Table(parameters[0].GetString()!);
            case "devp2p_bans":
                return _bans.Select(ban => new { id = ban.Id, since = ban.Since, until = ban.Until, reason = ban.Reason });
            case "devp2p_dialHistory":
                return Dials;
            case "devp2p_subscribe":
                ImmutableInterlocked.Update(ref _subscribers, static (all, one) => all.Add(one), notify);
                return "0x1";
            case "devp2p_reputation":
                return new { id = parameters[0].GetString(), score = -3, facts = new[] { new { at = DateTime.UtcNow, points = -4.0, reason = "dial failed: connect" } } };
        }

        Calls.Enqueue($"{method} {parameters.GetRawText()}");
        return Change(method, parameters);
    }

    private object? Change(string method, JsonElement parameters)
    {
        switch (method)
        {
            case "devp2p_disconnect":
                return Remove(parameters[0].GetString()!);
            case "admin_addTrustedPeer" or "admin_removeTrustedPeer":
                _peers.Single(peer => peer.Enode == parameters[0].GetString()).IsTrusted = method == "admin_addTrustedPeer";
                return true;
            case "devp2p_banPeer":
                string id = parameters[0].GetString()!;
                DateTimeOffset now = DateTimeOffset.UtcNow;
                DateTimeOffset? until = parameters[1].ValueKind == JsonValueKind.Null ? null : now.AddSeconds(parameters[1].GetInt32());
                _bans = _bans.Add((id, now, until, parameters[2].GetString()!));
                Remove(id);
                return new { id, since = now, until, reason = parameters[2].GetString() };
            case "devp2p_unbanPeer":
                return _bans.Count != (_bans = _bans.RemoveAll(ban => ban.Id == parameters[0].GetString())).Count;
            case "devp2p_setLimits":
                foreach (JsonProperty limit in parameters[0].EnumerateObject())
                {
                    Limits[limit.Name] = limit.Value.ValueKind == JsonValueKind.Null ? null : limit.Value.GetInt64();
                }

                return Limits;
            case "devp2p_connect":
                return parameters[0].GetString()!.StartsWith("enode://", StringComparison.Ordinal)
                    ? Dial(1, "connect", "connection refused")
                    : throw new InvalidOperationException("invalid enode: missing 'enode' scheme");
            default:
                throw new NotSupportedException();
        }
    }

    private bool Remove(string id) => _peers.Count != (_peers = _peers.RemoveAll(peer => peer.Id == id)).Count;

    private object Status(double seconds) => new
    {
        node = new { id = Id, name = Name, enode = Enode, enr = "enr:-IS4QMOCK", ip = "192.0.2.1", ports = new { discovery = 30303, listener = 30303 }, listenAddr = "0.0.0.0:30303", protocols = new { eth = "unknown" } },
        uptimeSeconds = 3600 + seconds,
        version = "1.2.3",
        peers = new
        {
            total = _peers.Count, inbound = _peers.Count(peer => peer.IsInbound), outbound = _peers.Count(peer => !peer.IsInbound),
            @static = _peers.Count(peer => peer.IsStatic), trusted = _peers.Count(peer => peer.IsTrusted), max = Limits["maxPeers"],
        },
        discovery = new { v4 = true, v5 = true, legacy = false, v4Nodes = 47, v5Nodes = 12, legacyNodes = (int?)null },
        clockOffsetMs = -42.4,
        listening = new[] { "0.0.0.0:30303" },
        reachability = new { nat = Nat, advertised = new { ip = "192.0.2.1", tcp = 30303, udp = 30304 } },
        counters = new { accepted = 12, dialed = 1_234_567, offered = 0, added = 99, refused = new Dictionary<string, long> { ["already connected"] = 3 }, dropped = Dropped },
        limits = Limits,
    };

    private static object Traffic(string protocol, int rate, double seconds) => new
    {
        protocol, messagesIn = (long)seconds, messagesOut = (long)seconds, bytesIn = (long)(rate * seconds * 1.5), bytesOut = (long)(rate * seconds),
        wireBytesIn = (long)(rate * seconds), wireBytesOut = (long)(rate * seconds / 2),
    };

    private static object Table(string version)
    {
        object[] buckets = [.. Enumerable.Range(0, 17).Select(index => new
        {
            index, minDistance = index == 0 ? 1 : 239 + index, maxDistance = 239 + index,
            nodes = Nodes($"{version} {index}", index < 12 ? 0 : index == 12 ? 1 : 16 - ((16 - index) * 3)),
            replacements = Nodes($"{version} spare {index}", index < 16 ? 0 : 4),
        })];
        return new { version, count = 47, buckets };
    }

    private static object[] Nodes(string seed, int count) => [.. Enumerable.Range(0, Math.Max(0, count)).Select(number => new
    {
        id = MockPeer.IdOf($"{seed} {number}"), enode = "enode://x", ip = string.Create(CultureInfo.InvariantCulture, $"203.0.113.{number + 1}"),
        udp = 30303, tcp = 30303, live = number % 3 != 2, checks = number, addedAt = DateTime.UtcNow.AddMinutes(-5), lastSeenAt = DateTime.UtcNow,
    })];
}
