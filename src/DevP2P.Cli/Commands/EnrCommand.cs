using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p enr show|create|sign</c>: node records.</summary>
internal static class EnrCommand
{
    private static readonly Option<bool> s_json = new("--json") { Description = "Print one JSON object", Recursive = true };

    /// <summary>Makes the command.</summary>
    public static Command Create() =>
        new ExampleCommand("enr", "Show, make or change node records (ENR).", "devp2p enr show enr:-IS4Q...", "devp2p enr create --key-file nodekey --ip 127.0.0.1 --udp 30303")
        {
            s_json,
            CreateShow(),
            CreateCreate(),
            CreateSign(),
        };

    private static ExampleCommand CreateShow()
    {
        var node = new Argument<string>("ENR|ENODE") { Description = "A node record or an enode URL" };
        var command = new ExampleCommand("show", "Verify a record and show what it says; an enode URL is taken apart, too.",
            "devp2p enr show enr:-IS4Q...",
            "devp2p enr show enode://<key>@127.0.0.1:30303 --json")
        { node };
        command.SetAction(parse =>
        {
            string text = parse.GetRequiredValue(node).Trim();
            return Node.TryParse(text, out Node? result, out string? error)
                ? Print(parse, result)
                : throw new CliException($"'{LogText.Cap(text)}' is not a node: {error}");
        });
        return command;
    }

    private static ExampleCommand CreateCreate()
    {
        var entries = new EntryOptions();
        var command = new ExampleCommand("create", "Make a record and sign it with a key.",
            "devp2p enr create --key-file nodekey --ip 192.0.2.7 --tcp 30303 --udp 30303",
            "devp2p enr create --key-file nodekey --ip6 2001:db8::1 --udp6 30303 --seq 7 --entry snap=c0");
        entries.AddTo(command);
        command.SetAction(parse =>
        {
            // The sequence number that a node would start with, too.
            var builder = new NodeRecordBuilder { Sequence = (ulong)TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() };
            return Print(parse, Node.FromRecord(entries.Sign(parse, builder)));
        });
        return command;
    }

    private static ExampleCommand CreateSign()
    {
        var record = new Argument<string>("ENR") { Description = "The record to change" };
        var remove = new Option<string[]>("--remove") { Description = "Remove this entry; may be repeated", HelpName = "KEY" };
        var entries = new EntryOptions();
        var command = new ExampleCommand("sign", "Change a record's entries and sign it anew, with the next sequence number unless --seq says another.",
            "devp2p enr sign enr:-IS4Q... --key-file nodekey --udp 30304",
            "devp2p enr sign enr:-IS4Q... --key-file nodekey --remove tcp --entry snap=c0")
        { record, remove };
        entries.AddTo(command);
        command.SetAction(parse =>
        {
            string text = parse.GetRequiredValue(record).Trim();
            if (!NodeRecord.TryParse(text, out NodeRecord? old, out string? error))
            {
                throw new CliException($"'{LogText.Cap(text)}' is not a record: {error}");
            }

            NodeRecordBuilder builder = old.ToBuilder();
            foreach (string key in parse.GetValue(remove) ?? [])
            {
                if (!old.Contains(key))
                {
                    throw new CliException($"--remove: the record has no entry '{key}'");
                }

                EntryOptions.Apply("--remove", () => builder.Remove(key));
            }

            return Print(parse, Node.FromRecord(entries.Sign(parse, builder, old.PublicKey)));
        });
        return command;
    }

    private static int Print(ParseResult parse, Node node)
    {
        EnrReport.From(node).Print(parse.InvocationConfiguration.Output, parse.GetValue(s_json));
        return CommandLine.Success;
    }

    /// <summary>The key that signs, and the entries to set.</summary>
    private sealed class EntryOptions
    {
        private readonly Option<string> _keyFile = new("--key-file") { Description = "The file of the node's private key", HelpName = "FILE", Required = true };
        private readonly Option<string> _ip = new("--ip") { Description = "The IPv4 address", HelpName = "ADDR" };
        private readonly Option<string> _ip6 = new("--ip6") { Description = "The IPv6 address", HelpName = "ADDR" };
        private readonly Option<string> _seq = new("--seq") { Description = "The sequence number", HelpName = "N" };
        private readonly Option<string[]> _entry = new("--entry")
        {
            Description = "Any other entry, its value as RLP in hexadecimal digits; may be repeated",
            HelpName = "KEY=HEX",
        };

        private readonly (Option<string> Option, Func<NodeRecordBuilder, int, NodeRecordBuilder> Set)[] _ports =
        [
            (Port("--tcp", "The TCP port"), (builder, port) => builder.SetTcpPort(port)),
            (Port("--udp", "The UDP port"), (builder, port) => builder.SetUdpPort(port)),
            (Port("--tcp6", "The TCP port for IPv6, if it differs"), (builder, port) => builder.SetTcp6Port(port)),
            (Port("--udp6", "The UDP port for IPv6, if it differs"), (builder, port) => builder.SetUdp6Port(port)),
        ];

        public void AddTo(Command command)
        {
            command.Add(_keyFile);
            command.Add(_ip);
            command.Add(_ip6);
            Array.ForEach(_ports, port => command.Add(port.Option));
            command.Add(_seq);
            command.Add(_entry);
        }

        /// <summary>Sets what the command line says and signs.</summary>
        /// <param name="parse">The command line.</param>
        /// <param name="builder">What is set on top of.</param>
        /// <param name="owner">Whose key it has to be, or null.</param>
        /// <exception cref="CliException">Something on the command line does not make sense, or the record would be too large.</exception>
        public NodeRecord Sign(ParseResult parse, NodeRecordBuilder builder, PublicKey? owner = null)
        {
            SetAddress(parse, builder, _ip, 4);
            SetAddress(parse, builder, _ip6, 16);
            foreach ((Option<string> option, Func<NodeRecordBuilder, int, NodeRecordBuilder> set) in _ports)
            {
                if (parse.GetValue(option) is { } text)
                {
                    _ = ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
                        ? set(builder, port)
                        : throw new CliException($"{option.Name}: '{text}' is not a port from 0 to 65535");
                }
            }

            if (parse.GetValue(_seq) is { } sequence)
            {
                builder.Sequence = ulong.TryParse(sequence, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
                    ? number
                    : throw new CliException($"--seq: '{sequence}' is not a whole number from 0 to {ulong.MaxValue}");
            }

            foreach (string entry in parse.GetValue(_entry) ?? [])
            {
                SetEntry(builder, entry);
            }

            PrivateKey key = KeyFile.Load(parse.GetRequiredValue(_keyFile));
            if (owner is not null && !owner.Equals(key.PublicKey))
            {
                throw new CliException($"the record is of node {owner.NodeId}, the key of node {key.PublicKey.NodeId} (devp2p enr create makes a record for it)");
            }

            try
            {
                return builder.Sign(key);
            }
            catch (InvalidOperationException e)
            {
                throw new CliException(e.Message);
            }
        }

        /// <summary>Changes a record; what is wrong with the change is said behind the option's name.</summary>
        public static void Apply(string option, Action change)
        {
            try
            {
                change();
            }
            catch (ArgumentException e)
            {
                // The message alone, without the parameter's name that the runtime puts behind it.
                int parameter = e.Message.LastIndexOf(" (Parameter '", StringComparison.Ordinal);
                throw new CliException($"{option}: {(parameter < 0 ? e.Message : e.Message[..parameter])}");
            }
        }

        private static Option<string> Port(string name, string help) => new(name) { Description = help, HelpName = "PORT" };

        private static void SetAddress(ParseResult parse, NodeRecordBuilder builder, Option<string> option, int size)
        {
            if (parse.GetValue(option) is not { } text)
            {
                return;
            }

            // IPAddress reads 1 and 0x7f.1 as addresses, too; what it writes of them is something else than what was typed.
            bool ok = IPAddress.TryParse(text, out IPAddress? address) && address.GetAddressBytes().Length == size
                && (size == 16 ? !text.ContainsAny(['[', ']', '%']) && !address.IsIPv4MappedToIPv6 : address.ToString() == text);
            _ = ok ? builder.SetAddress(address!) : throw new CliException($"{option.Name}: '{text}' is not an IPv{(size == 4 ? 4 : 6)} address");
        }

        private static void SetEntry(NodeRecordBuilder builder, string entry)
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            ReadOnlySpan<char> digits = entry.AsSpan(equals + 1);
            digits = digits.StartsWith("0x", StringComparison.Ordinal) ? digits[2..] : digits;
            byte[] rlp = new byte[digits.Length / 2];
            if (equals <= 0 || digits.Length % 2 != 0 || Convert.FromHexString(digits, rlp, out _, out _) != System.Buffers.OperationStatus.Done)
            {
                throw new CliException($"--entry: '{LogText.Cap(entry)}' is not a key and RLP in hexadecimal digits, such as snap=c0");
            }

            Apply("--entry", () => builder.SetRaw(entry[..equals], rlp));
        }
    }
}

/// <summary>What <c>devp2p enr --json</c> and <c>devp2p discv4 request-record --json</c> print. Of an enode URL there is no record, sequence and entries.</summary>
internal sealed record EnrReport(
    string? Record, string Enode, string Id, string PublicKey, ulong? Sequence, string? Address, string? HostName, int? Tcp, int? Udp, IReadOnlyList<EnrEntry>? Entries)
{
    public static EnrReport From(Node node) => new(
        node.Record?.ToString(),
        node.ToString(),
        node.Id.ToString(),
        node.PublicKey.ToString(),
        node.Record?.Sequence,
        node.Address?.ToString(),
        node.HostName,
        node.TcpPort == 0 ? null : node.TcpPort,
        node.UdpPort == 0 ? null : node.UdpPort,
        node.Record is { } record ? [.. record.GetEntries().Select(entry => new EnrEntry(entry.Key, Convert.ToHexStringLower(entry.Value.Span), Describe(record, entry.Key)))] : null);

    /// <summary>Prints it as lines for people or as one JSON object.</summary>
    public void Print(TextWriter output, bool json)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(this, EnrJson.Default.EnrReport));
            return;
        }

        Line("record", Record);
        Line("enode", Enode);
        Line("node id", Id);
        Line("sequence", Sequence);
        Line("address", Address ?? HostName);
        Line("TCP", Tcp);
        Line("UDP", Udp);
        foreach (EnrEntry entry in Entries ?? [])
        {
            // A record may come from anyone: neither keys nor values reach the terminal as they are.
            Line(LogText.Escape(entry.Key), LogText.Escape(entry.Text));
        }

        void Line(string label, object? value)
        {
            if (value is not null)
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{label + ":",-12} {value}"));
            }
        }
    }

    /// <summary>A known entry in words, any other one, and a malformed one, as its RLP.</summary>
    private static string Describe(NodeRecord record, string key)
    {
        object? value = key switch
        {
            NodeRecordKey.IdentityScheme => "v4",
            NodeRecordKey.IPv4 => record.IPv4Address,
            NodeRecordKey.IPv6 => record.IPv6Address,
            NodeRecordKey.Tcp => record.TcpPort,
            NodeRecordKey.Udp => record.UdpPort,
            NodeRecordKey.Tcp6 => record.Tcp6Port,
            NodeRecordKey.Udp6 => record.Udp6Port,
            NodeRecordKey.Eth => record.ForkId is { } id ? $"fork id {id}" : null,
            NodeRecordKey.PublicKey => Convert.ToHexStringLower(record.PublicKey.ToCompressed()),
            _ => null,
        };
        return value is null ? "0x" + Convert.ToHexStringLower(record.GetRaw(key)) : string.Create(CultureInfo.InvariantCulture, $"{value}");
    }
}

/// <summary>An entry: its key, its value as RLP in hexadecimal digits, and the same for people.</summary>
internal sealed record EnrEntry(string Key, string Rlp, string Text);

/// <summary>The JSON of <c>devp2p enr</c>, generated at compile time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EnrReport))]
internal sealed partial class EnrJson : JsonSerializerContext;
