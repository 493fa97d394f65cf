using System.CommandLine;
using System.Net;
using System.Text.Json;
using DevP2P.Cli;
using DevP2P.Cli.Commands;
using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Tests.Nodes;
using Xunit;

namespace DevP2P.Tests.Cli;

/// <summary><c>devp2p enr</c>, within this process.</summary>
public sealed class EnrCommandTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public EnrCommandTests() => File.WriteAllText(KeyPath, TestRecords.Key.ExportHex());

    private string KeyPath => _directory["nodekey"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Show_says_what_a_record_says()
    {
        string output = Run("show", TestRecords.VectorText);
        Assert.Contains(TestRecords.VectorText, output, StringComparison.Ordinal);
        Assert.Contains("node id:     a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7", output, StringComparison.Ordinal);
        Assert.Contains("sequence:    1\n", output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains("ip:          127.0.0.1\n", output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains("udp:         30303\n", output.ReplaceLineEndings("\n"), StringComparison.Ordinal);

        JsonElement json = Json("show", TestRecords.VectorText);
        Assert.Equal(TestRecords.VectorText, json.GetProperty("record").GetString());
        Assert.Equal((1UL, "127.0.0.1", 30303), (json.GetProperty("sequence").GetUInt64(), json.GetProperty("address").GetString(), json.GetProperty("udp").GetInt32()));
        Assert.False(json.TryGetProperty("tcp", out _));
        Assert.Equal(
            ["id 827634 v4", "ip 847f000001 127.0.0.1", "secp256k1 a103ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138 03ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138", "udp 82765f 30303"],
            json.GetProperty("entries").EnumerateArray().Select(e => $"{e.GetProperty("key")} {e.GetProperty("rlp")} {e.GetProperty("text")}"));
    }

    [Fact]
    public void Show_takes_an_enode_url_apart()
    {
        string url = Node.Create(TestRecords.Key.PublicKey, IPAddress.Loopback, 1, 2).ToString();
        JsonElement json = Json("show", url);
        Assert.Equal(url, json.GetProperty("enode").GetString());
        Assert.Equal((1, 2), (json.GetProperty("tcp").GetInt32(), json.GetProperty("udp").GetInt32()));
        Assert.False(json.TryGetProperty("record", out _));
        Assert.DoesNotContain("record", Run("show", url), StringComparison.Ordinal);
        Assert.Contains("localhost", Run("show", $"enode://{TestRecords.Key.PublicKey}@localhost:1"), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Threat", "T07")]
    public void What_a_record_says_reaches_the_terminal_harmless()
    {
        NodeRecord record = new NodeRecordBuilder().Set("\u001b[31m\n", "\u001b[0m").Sign(TestRecords.Key);
        string output = Run("show", record.ToString());
        Assert.DoesNotContain(output.ReplaceLineEndings(""), char.IsControl);
        Assert.Contains("0x841b5b306d", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_makes_the_vector_of_eip_778()
    {
        JsonElement json = Json("create", "--key-file", KeyPath, "--ip", "127.0.0.1", "--udp", "30303", "--seq", "1");
        Assert.Equal(TestRecords.VectorText, json.GetProperty("record").GetString());
    }

    [Fact]
    public void Create_sets_every_entry()
    {
        NodeRecord record = Record(
            "create", "--key-file", KeyPath, "--ip", "99.1.2.3", "--ip6", "2a00::1", "--tcp", "1", "--udp", "2", "--tcp6", "3", "--udp6", "4",
            "--entry", "snap=c0", "--entry", "eth=0xc7c684000000010A");
        Assert.Equal(IPEndPoint.Parse("99.1.2.3:1"), record.IPv4TcpEndPoint);
        Assert.Equal(IPEndPoint.Parse("99.1.2.3:2"), record.IPv4UdpEndPoint);
        Assert.Equal(IPEndPoint.Parse("[2a00::1]:3"), record.IPv6TcpEndPoint);
        Assert.Equal(IPEndPoint.Parse("[2a00::1]:4"), record.IPv6UdpEndPoint);
        Assert.True(record.Contains("snap"));
        Assert.Equal(new ForkId(1, 10), record.ForkId);
        Assert.InRange(record.Sequence, 1_767_225_600_000UL, 4_000_000_000_000UL);
    }

    [Fact]
    public void Sign_changes_a_record_and_keeps_the_rest()
    {
        NodeRecord old = new NodeRecordBuilder { Sequence = 7 }.SetUdpPort(1).SetTcpPort(2).SetRaw("les", [0xc1, 0x01]).Sign(TestRecords.Key);
        NodeRecord record = Record("sign", old.ToString(), "--key-file", KeyPath, "--udp", "9", "--remove", "tcp");
        Assert.Equal((8UL, 9, (int?)null), (record.Sequence, record.UdpPort, record.TcpPort));
        Assert.Equal(old.GetRaw("les"), record.GetRaw("les"));
        Assert.Equal(3UL, Record("sign", old.ToString(), "--key-file", KeyPath, "--seq", "3").Sequence);
    }

    [Theory]
    [InlineData("show enr:x", "'enr:x' is not a node: a node record is base64")]
    [InlineData("show foo", "'foo' is not a node: invalid URL scheme")]
    [InlineData("create --key-file /nonexistent/key", "there is no key file /nonexistent/key")]
    [InlineData("create --key-file KEY --ip 1", "--ip: '1' is not an IPv4 address")]
    [InlineData("create --key-file KEY --ip ::1", "--ip: '::1' is not an IPv4 address")]
    [InlineData("create --key-file KEY --ip6 1.2.3.4", "--ip6: '1.2.3.4' is not an IPv6 address")]
    [InlineData("create --key-file KEY --ip6 [::1]:80", "--ip6: '[::1]:80' is not an IPv6 address")]
    [InlineData("create --key-file KEY --tcp 65536", "--tcp: '65536' is not a port")]
    [InlineData("create --key-file KEY --udp6 x", "--udp6: 'x' is not a port")]
    [InlineData("create --key-file KEY --seq -1", "--seq: '-1' is not a whole number")]
    [InlineData("create --key-file KEY --entry snap", "--entry: 'snap' is not a key and RLP")]
    [InlineData("create --key-file KEY --entry =c0", "--entry: '=c0' is not a key and RLP")]
    [InlineData("create --key-file KEY --entry snap=c", "--entry: 'snap=c' is not a key and RLP")]
    [InlineData("create --key-file KEY --entry snap=xx", "--entry: 'snap=xx' is not a key and RLP")]
    [InlineData("create --key-file KEY --entry snap=c1", "--entry: the value of the entry \"snap\" is not one canonical RLP item (ValueTooLarge)")]
    [InlineData("create --key-file KEY --entry ip=01", "--entry: the entry \"ip\" is an IPv4 address in 4 bytes")]
    [InlineData("create --key-file KEY --entry id=01", "--entry: the entry \"id\" is set by signing")]
    [InlineData("create --key-file KEY --entry x=LONG", "the record takes 386 bytes; the limit is 300")]
    [InlineData("sign VECTOR --key-file KEY --remove tcp", "--remove: the record has no entry 'tcp'")]
    [InlineData("sign VECTOR --key-file KEY --remove id", "--remove: the entry \"id\" is set by signing")]
    [InlineData("sign VECTOR --key-file OTHER", "the record is of node a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7, the key of node ")]
    [InlineData("sign foo --key-file KEY", "'foo' is not a record: a node record starts with")]
    public void What_is_wrong_is_said_in_one_line(string arguments, string expected)
    {
        File.WriteAllText(_directory["other"], PrivateKey.Generate().ExportHex());
        string[] words = [.. arguments.Split(' ').Select(word => word
            .Replace("KEY", KeyPath, StringComparison.Ordinal).Replace("OTHER", _directory["other"], StringComparison.Ordinal)
            .Replace("VECTOR", TestRecords.VectorText, StringComparison.Ordinal).Replace("LONG", "b90100" + new string('1', 512), StringComparison.Ordinal))];
        string message = Assert.Throws<CliException>(() => Run(words)).Message;
        Assert.StartsWith(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
    }

    private static string Run(params string[] arguments)
    {
        ParseResult parse = EnrCommand.Create().Parse(arguments);
        Assert.Empty(parse.Errors);
        using var output = new StringWriter();
        Assert.Equal(0, parse.Invoke(new() { EnableDefaultExceptionHandler = false, Output = output }));
        return output.ToString();
    }

    private static JsonElement Json(params string[] arguments)
    {
        using JsonDocument json = JsonDocument.Parse(Run([.. arguments, "--json"]));
        return json.RootElement.Clone();
    }

    private static NodeRecord Record(params string[] arguments) => NodeRecord.Parse(Json(arguments).GetProperty("record").GetString()!);
}
