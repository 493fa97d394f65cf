using System.Text;
using DevP2P.Discovery.V5;
using Discv5Spec;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Talk requests, ours and those of others.</summary>
public sealed class TalkTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly V5Net _net = new();
    private readonly V5Machine _a;
    private readonly V5Machine _b;

    public TalkTests()
    {
        _a = _net.AddMachine().Listen();
        _b = _net.AddMachine().Listen();
        _b.Machine.AddTalkProtocol("chat");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(700)]
    [InlineData(1100)]
    public void A_request_and_its_answer_get_through_whatever_their_size(int size)
    {
        byte[] request = new byte[size];
        _net.Fill(request);
        byte[] response = [.. request.Reverse()];
        long id = Talk(request);
        TalkReceived received = Receive();
        Assert.Equal(("chat", _a.Node.Id), (received.Protocol, received.Talk.Source));
        Assert.Equal(request, received.Request);
        Assert.Equal(_a.Node.Record!.Encoded.ToArray(), received.Talk.Node?.Record?.Encoded.ToArray());

        Answer(received, response);
        Assert.Equal(response, Result(id));
        Assert.Equal((0, 0), (_a.Machine.CallCount, _b.Machine.CallCount));
    }

    [Fact]
    public void A_request_too_large_for_a_handshake_goes_after_a_ping_that_makes_it()
    {
        byte[] request = new byte[MessageCodec.MaxTalkRequestSize - 4];
        V5Peer peer = _net.AddPeer();
        long id = _a.Machine.StartTalk(_net.Now, peer.Node, "chat", request);
        _a.Drain();
        peer.Accept(_a);
        SpecPing ping = Assert.IsType<SpecPing>(Assert.Single(peer.Messages));
        Assert.True(peer.LastHandshake.Datagram.Length <= PacketCodec.MaxPacketSize);
        peer.Send(_a, V5Peer.Pong(ping, 1, _a.EndPoint));
        _net.Run(3 * _net.Latency);

        SpecTalkRequest talk = Assert.IsType<SpecTalkRequest>(peer.Messages[^1]);
        Assert.Equal(request, talk.Request);
        Assert.InRange(peer.Received[^1].Datagram.Length, PacketCodec.MaxPacketSize - 3, PacketCodec.MaxPacketSize);
        peer.Send(_a, V5Peer.Write(b => MessageCodec.WriteTalkResponse(b, new RequestId(talk.RequestId), [7])));
        Assert.Equal([7], Result(id));
        Assert.Equal(0, _a.Machine.CallCount);
    }

    [Fact]
    public void Such_a_ping_that_is_not_answered_ends_the_request_with_it()
    {
        V5Peer peer = _net.AddPeer();
        long id = _a.Machine.StartTalk(_net.Now, peer.Node, "chat", new byte[MessageCodec.MaxTalkRequestSize - 4]);
        _a.Drain();
        peer.Accept(_a);
        Assert.Null(Result(id));
        Assert.Equal((0, 0), (_a.Machine.CallCount, _a.Machine.RemoteCount));
    }

    [Fact]
    public void A_handler_that_takes_its_time_holds_up_nothing_else()
    {
        long talk = Talk([1]);
        long ping = _a.Machine.StartPing(_net.Now, _b.Node);
        long other = _a.Machine.StartTalk(_net.Now, _b.Node, "other", [1]);
        _a.Drain();
        _net.Run(Second);

        Assert.NotNull(_a.Outputs.OfType<PingDone>().Single(done => done.Id == ping).Reply);
        Assert.Equal(other, _a.Outputs.OfType<TalkDone>().Single().Id);
        Answer(Receive(), [2]);
        Assert.Equal([2], Result(talk));
    }

    [Fact]
    public void A_protocol_that_nobody_handles_is_answered_empty()
    {
        long id = _a.Machine.StartTalk(_net.Now, _b.Node, "other", [1, 2, 3]);
        Assert.Empty(Result(id)!);
        _b.Machine.RemoveTalkProtocol("chat");
        Assert.Empty(Result(Talk([1]))!);
        Assert.Empty(_b.Outputs.OfType<TalkReceived>());
    }

    [Fact]
    public void An_answer_counts_once_and_one_too_large_becomes_an_empty_one()
    {
        long first = Talk([1]);
        TalkReceived received = Receive();
        Answer(received, [1]);
        Answer(received, [2]);
        Assert.Equal([1], Result(first));
        Assert.Equal(0, _a.Machine.Counts.Unwanted);

        long second = Talk([2]);
        Answer(Receive(), new byte[MessageCodec.MaxTalkResponseSize + 1]);
        Assert.Empty(Result(second)!);

        long third = Talk([3]);
        Answer(Receive(), new byte[MessageCodec.MaxTalkResponseSize]);
        Assert.Equal(MessageCodec.MaxTalkResponseSize, Result(third)!.Length);
    }

    [Fact]
    public void A_handler_has_longer_than_a_ping_and_not_for_ever()
    {
        long id = Talk([1]);
        TalkReceived received = Receive();
        _net.Run(Second);
        Answer(received, [1]);
        Assert.Equal([1], Result(id));

        id = Talk([2]);
        received = Receive();
        Assert.Null(Result(id));
        Answer(received, [2]);
        _net.Run(Second);
        Assert.Equal(1, _a.Machine.Counts.Unwanted);
    }

    [Fact]
    public void Of_one_node_only_so_many_requests_wait_for_handlers()
    {
        long[] ids = [.. Enumerable.Range(0, 100).Select(_ => _a.Machine.StartTalk(_net.Now, _b.Node, "chat", [1]))];
        _a.Drain();
        // Whoever is not answered makes room for the next.
        _net.Run(20 * Second);
        TalkReceived[] waiting = [.. _b.Outputs.OfType<TalkReceived>()];
        Assert.Equal(Discv5Limits.MaxTalksPerNode, waiting.Length);
        Assert.Equal(100, _a.Outputs.OfType<TalkDone>().Count());
        Assert.Equal(100 - Discv5Limits.MaxTalksPerNode, _a.Outputs.OfType<TalkDone>().Count(static done => done.Response is []));
        Assert.Equal(ids, _a.Outputs.OfType<TalkDone>().Select(static done => done.Id).Order());

        foreach (TalkReceived talk in waiting)
        {
            _b.Machine.AnswerTalk(talk.Talk, [1]);
        }

        _b.Drain();
        _b.Outputs.Clear();
        long id = Talk([5]);
        Answer(Receive(), [6]);
        Assert.Equal([6], Result(id));
    }

    [Fact]
    public void Of_all_nodes_only_so_many_requests_wait_and_whoever_asks_is_remembered_until_then()
    {
        _b.Machine.AddTalkProtocol("x");
        List<V5Peer> peers = [];
        byte[] Request(ulong id) => V5Peer.Write(b => MessageCodec.WriteTalkRequest(b, new RequestId(id), "x"u8, [1]));
        for (int i = 0; i < (Discv5Limits.MaxTalks / Discv5Limits.MaxTalksPerNode) + 1; i++)
        {
            V5Peer peer = _net.AddPeer().Open(_b);
            peers.Add(peer);
            peer.Messages.Clear();
            for (ulong id = 0; id < Discv5Limits.MaxTalksPerNode; id++)
            {
                peer.Send(_b, Request(id));
            }

            _net.Run(3 * _net.Latency);
        }

        Assert.Equal(Discv5Limits.MaxTalks, _b.Outputs.OfType<TalkReceived>().Count());
        Assert.All(peers[..^1], static p => Assert.Empty(p.Messages));
        Assert.Equal(Discv5Limits.MaxTalksPerNode, peers[^1].Messages.OfType<SpecTalkResponse>().Count(static r => r.Response.Length == 0));
        foreach (TalkReceived talk in _b.Outputs.OfType<TalkReceived>())
        {
            _b.Machine.AnswerTalk(talk.Talk, "yes"u8);
        }

        _b.Drain();
        _net.Run(3 * _net.Latency);
        Assert.All(peers[..^1], static p => Assert.Equal(
            Discv5Limits.MaxTalksPerNode, p.Messages.OfType<SpecTalkResponse>().Count(static r => Encoding.ASCII.GetString(r.Response) == "yes")));
    }

    [Fact]
    public void The_answer_goes_into_the_session_in_which_the_request_came()
    {
        V5Peer peer = _net.AddPeer().Open(_b);
        peer.Send(_b, V5Peer.Write(b => MessageCodec.WriteTalkRequest(b, new RequestId(9), "chat"u8, [1])));
        TalkReceived talk = Receive();
        Session old = peer.Session!;
        peer.Open(_b);
        Assert.NotSame(old, peer.Session);
        peer.Session = old;
        peer.Messages.Clear();
        Answer(talk, [4]);
        _net.Run(3 * _net.Latency);
        Assert.Equal([4], Assert.IsType<SpecTalkResponse>(Assert.Single(peer.Messages)).Response);
    }

    private long Talk(byte[] request)
    {
        long id = _a.Machine.StartTalk(_net.Now, _b.Node, "chat", request);
        _a.Drain();
        return id;
    }

    private TalkReceived Receive()
    {
        TalkReceived received = _b.Wait<TalkReceived>(static _ => true, Second);
        _b.Outputs.Remove(received);
        return received;
    }

    private void Answer(TalkReceived talk, byte[] response)
    {
        _b.Machine.AnswerTalk(talk.Talk, response);
        _b.Drain();
    }

    private byte[]? Result(long id) => _a.Wait<TalkDone>(done => done.Id == id, 5 * Second).Response;
}
