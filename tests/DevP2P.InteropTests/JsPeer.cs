using System.Text.Json;
using System.Text.Json.Nodes;

namespace DevP2P.InteropTests;

/// <summary>
/// A foreign RLPx peer, with discovery v4 if wanted: the npm package <c>@ethereumjs/devp2p</c> in a process of its own
/// (<c>peers/peer.mjs</c>).
/// </summary>
internal sealed class JsPeer : IAsyncDisposable
{
    /// <summary>The newest release that runs.</summary>
    public const string Newest = "10";

    /// <summary>The one with native cryptography, of another generation of the same code.</summary>
    public const string Older = "4";

    private readonly JsonProcess _process;

    private JsPeer(JsonProcess process, JsonElement listening)
    {
        _process = process;
        Enode = listening.GetProperty("enode").GetString()!;
        Id = listening.GetProperty("id").GetString()!;
        Port = listening.GetProperty("port").GetInt32();
    }

    public string Enode { get; }

    /// <summary>The public key in hexadecimal, as the peers' hello has it.</summary>
    public string Id { get; }

    public int Port { get; }

    public int ProcessId => _process.Id;

    public static async Task<JsPeer> StartAsync(string version, params string[] arguments)
    {
        var process = JsonProcess.StartPeer("peer.mjs", $"devp2p-{version}", ["--version", version, .. arguments]);
        try
        {
            return new JsPeer(process, await process.NextAsync("listening"));
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    public void Dial(string enode) => Command("dial", new() { ["enode"] = enode });

    /// <summary>Starts sending; the event <c>exchanged</c> comes once both directions are through.</summary>
    public void Exchange(int seed, long totalBytes, int maxSize) =>
        Command("exchange", new() { ["seed"] = seed, ["totalBytes"] = totalBytes, ["maxSize"] = maxSize });

    /// <summary>Sends through code 0 of a protocol that answers with code 1; <c>echoed</c> comes once all is back.</summary>
    public void Echo(string protocol, int seed, long totalBytes, int maxSize) =>
        Command("echo", new() { ["protocol"] = protocol, ["seed"] = seed, ["totalBytes"] = totalBytes, ["maxSize"] = maxSize });

    public void Send(string protocol, int code, byte[] payload) =>
        Command("send", new() { ["protocol"] = protocol, ["code"] = code, ["payload"] = Convert.ToHexStringLower(payload) });

    public void SendRandom(string protocol, int code, int size) =>
        Command("send", new() { ["protocol"] = protocol, ["code"] = code, ["random"] = size });

    /// <summary>With <c>--discovery</c>: starts to look for nodes there. The event <c>found</c> comes for each that answers.</summary>
    public void Bootstrap(string enode) => Command("bootstrap", new() { ["enode"] = enode });

    /// <summary>With <c>--discovery</c>: pings a node.</summary>
    public void Announce(string enode) => Command("announce", new() { ["enode"] = enode });

    /// <summary>With <c>--discovery</c>: puts nodes into the table unasked.</summary>
    public void Know(IEnumerable<string> enodes) => Command("know", new() { ["enodes"] = new JsonArray([.. enodes]) });

    public void Ping() => Command("ping", []);

    public void Disconnect(int reason) => Command("disconnect", new() { ["reason"] = reason });

    /// <summary>The events of that name that nobody has taken yet.</summary>
    public int Pending(string name) => _process.Pending(name);

    /// <summary>The next event of that name; <c>peers/peer.mjs</c> lists them.</summary>
    public Task<JsonElement> NextAsync(string name) => _process.NextAsync(name);

    /// <summary>The next event of that name, which needs the connection: if that closes, the wait is over.</summary>
    public Task<JsonElement> NextWhileConnectedAsync(string name, TimeSpan? deadline = null) =>
        _process.NextAsync(name, unless: "closed", deadline);

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private void Command(string name, JsonObject arguments)
    {
        arguments["cmd"] = name;
        _process.WriteLine(arguments.ToJsonString());
    }
}
