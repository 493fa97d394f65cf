using System.Globalization;
using System.Text;
using System.Text.Json;
using DevP2P.Cli.Logging;

namespace DevP2P.Cli.Attach;

/// <summary>What the node answers, as lines for people. Whatever comes from other nodes is escaped.</summary>
internal static class AttachText
{
    private const int ShortId = 16;

    private static readonly string[] s_versions = ["v4", "v5", "legacy"];

    /// <summary>devp2p_status.</summary>
    public static void Info(JsonElement status, TextWriter output)
    {
        JsonElement node = status.GetProperty("node");
        JsonElement peers = status.GetProperty("peers");
        JsonElement counters = status.GetProperty("counters");
        Line(output, "name", Text(node, "name"));
        Line(output, "enode", Whole(node, "enode"));
        Line(output, "record", Whole(node, "enr"));
        Line(output, "id", Whole(node, "id"));
        Line(output, "running for", Age(status.GetProperty("uptimeSeconds").GetDouble()));
        Line(output, "listening", string.Join(", ", status.GetProperty("listening").EnumerateArray().Select(item => Escaped(item))));
        Line(output, "advertised", Advertised(status.GetProperty("reachability").GetProperty("advertised")));
        Line(output, "peers", $"{Text(peers, "total")} of {Text(peers, "max")} ({Text(peers, "inbound")} inbound, {Text(peers, "outbound")} outbound, "
            + $"{Text(peers, "static")} static, {Text(peers, "trusted")} trusted)");
        Line(output, "discovery", Discovery(status.GetProperty("discovery")));
        if (status.GetProperty("clockOffsetMs") is { ValueKind: JsonValueKind.Number } offset)
        {
            Line(output, "clock", $"off by {Invariant($"{offset.GetDouble():0.#}")} ms");
        }

        Line(output, "connections", $"{Text(counters, "accepted")} accepted, {Text(counters, "dialed")} dialed, {Text(counters, "added")} became peers");
        Line(output, "refused", Reasons(counters.GetProperty("refused")));
        Line(output, "dropped", Reasons(counters.GetProperty("dropped")));
    }

    /// <summary>devp2p_peers.</summary>
    public static void Peers(JsonElement peers, TextWriter output)
    {
        foreach (JsonElement peer in peers.EnumerateArray())
        {
            output.WriteLine($"{Short(Text(peer, "id"))}  {Text(peer.GetProperty("network"), "remoteAddress"),-21}  {Flags(peer),-16}  "
                + $"{Age(peer.GetProperty("connectedSeconds").GetDouble()),8}  {Text(peer, "name")}  {Capabilities(peer)}");
        }

        if (peers.GetArrayLength() == 0)
        {
            output.WriteLine("no peers");
        }
    }

    /// <summary>One attempt to reach a node.</summary>
    public static string Dial(JsonElement dial) =>
        $"{Time(dial)}  {Short(Text(dial, "id"))}  {Text(dial, "stage"),-19}  {(dial.GetProperty("succeeded").GetBoolean() ? "ok    " : "failed")}  "
        + $"{Invariant($"{dial.GetProperty("durationMs").GetDouble(),7:0}")} ms  {Text(dial, "reason")}";

    /// <summary>devp2p_dialHistory.</summary>
    public static void Dials(JsonElement dials, TextWriter output)
    {
        foreach (JsonElement dial in dials.EnumerateArray())
        {
            output.WriteLine(Dial(dial));
        }

        if (dials.GetArrayLength() == 0)
        {
            output.WriteLine("no attempts are known");
        }
    }

    /// <summary>One ban.</summary>
    public static string Ban(JsonElement ban) =>
        ($"{Short(Text(ban, "id"))}  until {(ban.GetProperty("until").ValueKind == JsonValueKind.Null ? "further notice" : Text(ban, "until"))}  "
            + Text(ban, "reason")).TrimEnd();

    /// <summary>devp2p_bans.</summary>
    public static void Bans(JsonElement bans, TextWriter output)
    {
        foreach (JsonElement ban in bans.EnumerateArray())
        {
            output.WriteLine(Ban(ban));
        }

        if (bans.GetArrayLength() == 0)
        {
            output.WriteLine("nobody is banned");
        }
    }

    /// <summary>devp2p_table.</summary>
    public static void Table(JsonElement table, TextWriter output)
    {
        output.WriteLine($"{Text(table, "count")} nodes");
        foreach (JsonElement bucket in table.GetProperty("buckets").EnumerateArray().Where(bucket => bucket.GetProperty("nodes").GetArrayLength() > 0))
        {
            output.WriteLine($"distance {Text(bucket, "minDistance")} to {Text(bucket, "maxDistance")}, "
                + $"{bucket.GetProperty("replacements").GetArrayLength()} replacements");
            foreach (JsonElement node in bucket.GetProperty("nodes").EnumerateArray())
            {
                string state = node.GetProperty("live").GetBoolean() ? "live" : "not checked";
                output.WriteLine($"  {Short(Text(node, "id"))}  {Text(node, "ip")}:{Text(node, "udp")}  {state}");
            }
        }
    }

    /// <summary>An event of devp2p_subscribe.</summary>
    public static string Event(JsonElement e) => Text(e, "type") switch
    {
        "dial" => $"{Dial(e)[..12]}  dial         {Dial(e)[14..]}",
        "peerAdded" => $"{Time(e)}  peer added   {Short(Text(e, "peer"))}  {Text(e, "remote")}",
        "peerDropped" => $"{Time(e)}  peer dropped {Short(Text(e, "peer"))}  {Text(e, "remote")}  {Text(e, "error")}",
        "lagged" => $"{Time(e)}  {Text(e, "missed")} events were missed",
        var type => $"{Time(e)}  {type,-12} {Rest(e)}",
    };

    /// <summary>A value over several lines, with nothing but ASCII in it.</summary>
    public static string Indented(JsonElement value)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            value.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>A property as text for people; empty if it is not there.</summary>
    public static string Text(JsonElement value, string name) => value.TryGetProperty(name, out JsonElement property) ? Escaped(property) : "";

    /// <summary>"inbound trusted".</summary>
    public static string Flags(JsonElement peer)
    {
        JsonElement network = peer.GetProperty("network");
        return (network.GetProperty("inbound").GetBoolean() ? "inbound" : "outbound")
            + (network.GetProperty("static").GetBoolean() ? " static" : "") + (network.GetProperty("trusted").GetBoolean() ? " trusted" : "");
    }

    /// <summary>"eth/68 snap/1".</summary>
    public static string Capabilities(JsonElement peer) => string.Join(' ', peer.GetProperty("caps").EnumerateArray().Select(Escaped));

    /// <summary>"3m12s", "2d4h".</summary>
    public static string Age(double seconds)
    {
        var time = TimeSpan.FromSeconds(seconds);
        return time.TotalDays >= 1 ? Invariant($"{(int)time.TotalDays}d{time.Hours}h")
            : time.TotalHours >= 1 ? Invariant($"{time.Hours}h{time.Minutes}m")
            : time.TotalMinutes >= 1 ? Invariant($"{time.Minutes}m{time.Seconds}s")
            : Invariant($"{time.Seconds}s");
    }

    /// <summary>The first digits of an id.</summary>
    public static string Short(string id, int digits = ShortId) => id.Length > digits ? id[..digits] : id;

    /// <summary>The node's own address, to be copied: not shortened as ids are elsewhere.</summary>
    private static string Whole(JsonElement value, string name) => string.Concat(value.GetProperty(name).GetString()!.Where(c => c is > ' ' and <= '~'));

    private static string Escaped(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => LogText.Escape(value.GetString()!, maxLength: 2048),
        JsonValueKind.Null => "",
        _ => LogText.Escape(AttachArguments.Compact(value), maxLength: 2048),
    };

    private static string Time(JsonElement e) =>
        e.TryGetProperty("at", out JsonElement at) && at.TryGetDateTimeOffset(out DateTimeOffset time)
            ? time.ToLocalTime().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)
            : "            ";

    private static string Rest(JsonElement e) => string.Join("  ", e.EnumerateObject()
        .Where(property => property.Name is not ("at" or "type")).Select(property => $"{LogText.Escape(property.Name)}={Escaped(property.Value)}"));

    private static string Advertised(JsonElement advertised)
    {
        string v4 = Text(advertised, "ip") is { Length: > 0 } ip ? $"{ip} tcp {Or(Text(advertised, "tcp"))} udp {Or(Text(advertised, "udp"))}" : "";
        string v6 = Text(advertised, "ip6") is { Length: > 0 } ip6
            ? $"{ip6} tcp {Or(Text(advertised, "tcp6"), Text(advertised, "tcp"))} udp {Or(Text(advertised, "udp6"), Text(advertised, "udp"))}"
            : "";
        return v4.Length + v6.Length == 0 ? "no address" : v4.Length > 0 && v6.Length > 0 ? $"{v4}, {v6}" : v4 + v6;
    }

    private static string Or(params ReadOnlySpan<string> texts)
    {
        foreach (string text in texts)
        {
            if (text.Length > 0)
            {
                return text;
            }
        }

        return "none";
    }

    private static string Discovery(JsonElement discovery)
    {
        string[] running =
        [
            .. s_versions
                .Where(version => discovery.GetProperty(version).GetBoolean())
                .Select(version => $"{version} ({Text(discovery, version + "Nodes")} nodes)"),
        ];
        return running.Length == 0 ? "off" : string.Join(", ", running);
    }

    private static string Reasons(JsonElement reasons)
    {
        string text = string.Join(", ", reasons.EnumerateObject().Select(reason => $"{Escaped(reason.Value)} {LogText.Escape(reason.Name)}"));
        return text.Length == 0 ? "none" : text;
    }

    private static void Line(TextWriter output, string name, string value) => output.WriteLine($"{name + ":",-13} {value}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
