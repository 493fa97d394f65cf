using System.Text.Json;
using System.Text.Json.Nodes;

namespace DevP2P.InteropTests;

/// <summary>
/// A foreign node of discovery v5.1, the npm package <c>@chainsafe/discv5</c> in a process of its own (<c>peers/discv5.mjs</c>,
/// whose head lists arguments, commands and events). It listens on 127.0.0.1.
/// </summary>
internal sealed class Discv5Peer : IAsyncDisposable
{
    /// <summary>The newest release that runs.</summary>
    public const string Newest = "12";

    /// <summary>One that takes request ids for numbers: their leading zeros are lost in its answers.</summary>
    public const string Older = "11";

    private readonly JsonProcess _process;

    private Discv5Peer(JsonProcess process, JsonElement started)
    {
        _process = process;
        Record = started.GetProperty("enr").GetString()!;
        Id = started.GetProperty("node").GetString()!;
        Port = started.GetProperty("port").GetInt32();
    }

    /// <summary>Its record when it started, in text form.</summary>
    public string Record { get; }

    /// <summary>The node id in hexadecimal, as its events have it.</summary>
    public string Id { get; }

    /// <summary>The UDP port.</summary>
    public int Port { get; }

    /// <param name="version"><see cref="Newest"/> or <see cref="Older"/>.</param>
    /// <param name="arguments">Such as <c>--key</c>, <c>--entry</c>, <c>--quiet</c>, <c>--config</c>.</param>
    public static async Task<Discv5Peer> StartAsync(string version, params string[] arguments)
    {
        var process = JsonProcess.StartPeer("discv5.mjs", $"discv5-{version}", ["--version", version, .. arguments]);
        try
        {
            return new Discv5Peer(process, await process.NextAsync("started"));
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Puts a node into the table unasked.</summary>
    public async Task AddAsync(string record)
    {
        JsonElement added = await AskAsync("add-enr", "added", new() { ["enr"] = record });
        Assert.True(added.GetProperty("isKnown").GetBoolean(), added.ToString());
    }

    /// <summary>The event <c>pong</c>: {node, enrSeq, seenAs}.</summary>
    public Task<JsonElement> PingAsync(string record) => AskAsync("ping", "pong", new() { ["enr"] = record });

    /// <summary>The records that a node answers FINDNODE with, those of other distances left out, as the package does.</summary>
    public async Task<IReadOnlyList<string>> FindNodeAsync(string record, params int[] distances)
    {
        JsonElement nodes = await AskAsync(
            "find-node", "nodes", new() { ["enr"] = record, ["distances"] = new JsonArray([.. distances]) });
        return Texts(nodes.GetProperty("enrs"));
    }

    /// <summary>The records of the nodes closest to a target (hex), closest first.</summary>
    public async Task<IReadOnlyList<string>> LookupAsync(string target) =>
        Texts((await AskAsync("lookup", "found", new() { ["target"] = target })).GetProperty("enrs"));

    /// <summary>One talk request.</summary>
    /// <returns>What was answered.</returns>
    public async Task<byte[]> TalkAsync(string record, string protocol, byte[] payload)
    {
        JsonElement talked = await TalkOnceAsync(record, protocol, payload);
        Assert.True(talked.GetProperty("answered").GetInt32() == 1, talked.ToString());
        return ResponseOf(talked);
    }

    /// <summary>One talk request that may fail.</summary>
    /// <returns>What was answered, or null.</returns>
    public async Task<byte[]?> TryTalkAsync(string record, string protocol, byte[] payload)
    {
        JsonElement talked = await TalkOnceAsync(record, protocol, payload);
        return talked.GetProperty("answered").GetInt32() == 1 ? ResponseOf(talked) : null;
    }

    /// <summary>
    /// Many talk requests with random payloads. The event <c>talked</c>: {answered, wrong, failed, failures, seconds, perSecond,
    /// milliseconds: {median, p99, max}}. What is beyond one at a time waits in the package, which has one request under way to
    /// a node; and when one fails there, all fail that wait behind it.
    /// </summary>
    public Task<JsonElement> TalkAsync(string record, string protocol, int size, int count, int concurrency = 1) => AskAsync(
        "talk", "talked",
        new() { ["enr"] = record, ["protocol"] = protocol, ["random"] = size, ["count"] = count, ["concurrency"] = concurrency });

    /// <summary>Drops the keys of the sessions with a node (its id in hex), as if it had restarted.</summary>
    /// <returns>How many there were.</returns>
    public async Task<int> ForgetSessionAsync(string node) =>
        (await AskAsync("forget-session", "forgotten", new() { ["node"] = node })).GetProperty("sessions").GetInt32();

    /// <summary>Changes an entry of its record, whose sequence number rises by one; the value is a byte string.</summary>
    /// <returns>The new record.</returns>
    public async Task<string> SetEntryAsync(string name, byte[] value) => (await AskAsync(
        "set-entry", "enr", new() { ["name"] = name, ["value"] = Convert.ToHexStringLower(value) })).GetProperty("enr").GetString()!;

    /// <summary>The event <c>stats</c>: {sessions, established, connected, talkRequests: {protocol: count}, table: [record]}.</summary>
    public Task<JsonElement> StatsAsync() => AskAsync("stats", "stats", []);

    /// <summary>The next event of that name.</summary>
    public Task<JsonElement> NextAsync(string name) => _process.NextAsync(name);

    /// <summary>The events of that name that nobody has taken yet.</summary>
    public int Pending(string name) => _process.Pending(name);

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    /// <summary>
    /// One command and its answer. The wait ends at once with a <see cref="TimeoutException"/> when it has failed; a test that
    /// wants that takes the event <c>failed</c> ({command, reason}) before it goes on.
    /// </summary>
    private Task<JsonElement> AskAsync(string command, string answer, JsonObject arguments)
    {
        arguments["cmd"] = command;
        _process.WriteLine(arguments.ToJsonString());
        return _process.NextAsync(answer, unless: "failed");
    }

    private Task<JsonElement> TalkOnceAsync(string record, string protocol, byte[] payload) => AskAsync(
        "talk", "talked", new() { ["enr"] = record, ["protocol"] = protocol, ["payload"] = Convert.ToHexStringLower(payload) });

    private static byte[] ResponseOf(JsonElement talked) => Convert.FromHexString(talked.GetProperty("response").GetString()!);

    private static string[] Texts(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetString()!)];
}
