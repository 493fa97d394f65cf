using System.Net;
using System.Text;
using System.Text.Json;
using DevP2P.Cli.Logging;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace DevP2P.Tests.Cli;

public sealed class JsonEventLogTests
{
    private static readonly Node s_node = Node.Create(
        PrivateKey.ParseHex("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291").PublicKey, IPAddress.Loopback, 30303, 30303);

    private readonly MemoryStream _output = new();

    [Fact]
    public void Started()
    {
        using JsonEventLog log = Create();
        log.Started(s_node, "me/1", [new IPEndPoint(IPAddress.Loopback, 30303), new IPEndPoint(IPAddress.IPv6Loopback, 1)], ["echo/1"]);
        Assert.Equal(
            $$"""{"event":"started","time":"2026-03-04T05:06:07.089Z","enode":"{{s_node}}","id":"{{s_node.Id}}","name":"me/1","listen":["127.0.0.1:30303","[::1]:1"],"caps":["echo/1"],"pid":{{Environment.ProcessId}}}""",
            Assert.Single(Lines()));
    }

    [Fact]
    public void Peer_events_have_the_fields_of_gos()
    {
        using JsonEventLog log = Create();
        log.Peer(new PeerEvent { Type = PeerEventType.Add, Peer = s_node.Id, LocalAddress = "127.0.0.1:1", RemoteAddress = "127.0.0.1:2" }, flush: true);
        log.Peer(new PeerEvent { Type = PeerEventType.Drop, Peer = s_node.Id, Error = "too many peers" }, flush: true);
        log.Peer(new PeerEvent { Type = PeerEventType.MessageSent, Peer = s_node.Id, Protocol = "echo", MessageCode = 0, MessageSize = 5 }, flush: true);
        Assert.Equal(
        [
            $$"""{"event":"add","time":"2026-03-04T05:06:07.089Z","type":"add","peer":"{{s_node.Id}}","local":"127.0.0.1:1","remote":"127.0.0.1:2"}""",
            $$"""{"event":"drop","time":"2026-03-04T05:06:07.089Z","type":"drop","peer":"{{s_node.Id}}","error":"too many peers"}""",
            $$"""{"event":"msgsend","time":"2026-03-04T05:06:07.089Z","type":"msgsend","peer":"{{s_node.Id}}","protocol":"echo","msg_code":0,"msg_size":5}""",
        ], Lines());
    }

    [Fact]
    public void Dials_have_a_stage_and_a_reason()
    {
        using JsonEventLog log = Create();
        log.Dial(new DialAttempt
        {
            Node = s_node,
            Stage = DialStage.ProtocolHandshake,
            Succeeded = false,
            Reason = "too many peers",
            StartedAt = DateTimeOffset.UnixEpoch,
            Duration = TimeSpan.FromMilliseconds(12.3456),
            IsStatic = true,
        });
        Assert.Equal(
            $$"""{"event":"dial","time":"2026-03-04T05:06:07.089Z","node":"{{s_node}}","id":"{{s_node.Id}}","stage":"protocol-handshake","ok":false,"reason":"too many peers","ms":12.346}""",
            Assert.Single(Lines()));
    }

    [Fact]
    [Trait("Threat", "T07")]
    public void Foreign_text_is_capped_and_one_line_of_ascii()
    {
        using JsonEventLog log = Create();
        string text = "\u001b[31m\n\u202e\u009b" + new string('é', 1_000_000);
        log.Peer(new PeerEvent { Type = PeerEventType.Drop, Peer = s_node.Id, Error = text }, flush: true);
        string line = Assert.Single(Lines());
        Assert.True(line.Length < 2500);
        Assert.DoesNotContain(line, c => c is < ' ' or > '~');
        using JsonDocument json = JsonDocument.Parse(line);
        Assert.StartsWith("\u001b[31m\n\u202e\u009bé", json.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_written_before_a_flush_and_all_with_it()
    {
        using JsonEventLog log = Create();
        log.Peer(new PeerEvent { Type = PeerEventType.Add, Peer = s_node.Id }, flush: false);
        Assert.Empty(Lines());
        log.Stopped();
        Assert.Equal(2, Lines().Length);
    }

    private JsonEventLog Create() =>
        new(_output, new FakeTimeProvider(new DateTimeOffset(2026, 3, 4, 5, 6, 7, 89, TimeSpan.Zero)));

    private string[] Lines() => Encoding.UTF8.GetString(_output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
