using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>
/// Two nodes begin a handshake at once, and the other one keeps to its own: it drops ours, as @chainsafe/discv5 does. Here the
/// other one is a machine of ours that never gets to see our handshake.
/// </summary>
public sealed class CrossedHandshakeTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly V5Net _net = new();
    private readonly V5Machine _ours;
    private readonly V5Machine _theirs;

    // Message packets between the two that are still to be made unreadable, as they are for a node that has lost its session.
    private int _unreadable;
    private bool _areMessagesLost;

    public CrossedHandshakeTests()
    {
        (_ours, _theirs) = (_net.AddMachine().Start(), _net.AddMachine().Start());
        _net.IsLost = IsLost;
    }

    [Fact]
    public void Our_request_is_sent_again_in_the_session_of_the_other_side()
    {
        (long ours, long theirs) = PingEachOther();

        // Their handshake answers them at once, ours is waited for in vain.
        Assert.NotNull(Reply(_theirs, theirs));
        Assert.Empty(_ours.Outputs.OfType<PingDone>());
        PingReply? reply = Reply(_ours, ours);

        Assert.Equal(_ours.EndPoint, reply?.SeenAs);
        Assert.Equal((1, 1), (_ours.Machine.SessionCount, _theirs.Machine.SessionCount));
        Assert.Equal(0, _ours.Machine.CallCount);
    }

    [Fact]
    public void So_are_those_that_wait_behind_it()
    {
        _theirs.Machine.AddTalkProtocol("echo");
        PingEachOther();
        long find = _ours.Machine.StartFindNode(_net.Now, _theirs.Node, [0]);
        long talk = _ours.Machine.StartTalk(_net.Now, _theirs.Node, "other", [1]);

        Assert.Equal([_theirs.Node.Id], _ours.Wait<FindNodeDone>(done => done.Id == find, Limit).Nodes?.Select(n => n.Id));
        Assert.Empty(Assert.IsType<byte[]>(_ours.Wait<TalkDone>(done => done.Id == talk, Limit).Response));
    }

    [Fact]
    public void A_session_lost_on_both_sides_at_once_comes_back_for_both()
    {
        Assert.NotNull(Reply(_theirs, _theirs.Machine.StartPing(_net.Now, _ours.Node)));
        _unreadable = 2;

        (long ours, long theirs) = PingEachOther();

        Assert.NotNull(Reply(_theirs, theirs));
        Assert.NotNull(Reply(_ours, ours));
        Assert.Equal(0, _unreadable);
    }

    [Fact]
    public void It_is_sent_again_once()
    {
        TimeSpan start = _net.Now.Monotonic;
        (long ours, long theirs) = PingEachOther();
        Assert.NotNull(Reply(_theirs, theirs));
        _areMessagesLost = true;

        Assert.Null(Reply(_ours, ours));

        AssertTimeouts(2, start);
    }

    [Fact]
    public void A_handshake_without_answer_is_not_crossed_by_the_session_that_was_lost()
    {
        Assert.NotNull(Reply(_theirs, _theirs.Machine.StartPing(_net.Now, _ours.Node)));
        _unreadable = 1;
        TimeSpan start = _net.Now.Monotonic;

        Assert.Null(Reply(_ours, _ours.Machine.StartPing(_net.Now, _theirs.Node)));

        Assert.Equal(0, _unreadable);
        AssertTimeouts(1, start);
    }

    // 11.0.0 of @chainsafe/discv5 answers without the leading zeros of a request id.
    [Fact]
    public void No_request_id_begins_with_a_zero_byte()
    {
        _net.IsLost = (_, _, _) => false;
        _theirs.Machine.AddTalkProtocol("ids");
        List<string> ids = [];
        for (int i = 0; i < 1500; i++)
        {
            long talk = _ours.Machine.StartTalk(_net.Now, _theirs.Node, "ids", default);
            _ours.Drain();
            TalkReceived received = _theirs.Wait<TalkReceived>(_ => true, Limit);
            ids.Add(received.Talk.Id.ToString());
            _theirs.Outputs.Clear();
            _theirs.Machine.AnswerTalk(received.Talk, default);
            _theirs.Drain();
            _ours.Wait<TalkDone>(done => done.Id == talk, Limit);
            _ours.Outputs.Clear();
        }

        Assert.DoesNotContain(ids, id => id.StartsWith("00", StringComparison.Ordinal));
        Assert.All(ids, id => Assert.Equal(16, id.Length));
        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    /// <summary>Both ask in the same instant.</summary>
    private (long Ours, long Theirs) PingEachOther()
    {
        long ours = _ours.Machine.StartPing(_net.Now, _theirs.Node);
        long theirs = _theirs.Machine.StartPing(_net.Now, _ours.Node);
        _ours.Drain();
        _theirs.Drain();
        return (ours, theirs);
    }

    private static PingReply? Reply(V5Machine machine, long id) => machine.Wait<PingDone>(done => done.Id == id, Limit).Reply;

    private void AssertTimeouts(int count, TimeSpan start)
    {
        TimeSpan least = count * Discv5Limits.ResponseTimeout;
        Assert.InRange(_net.Now.Monotonic - start, least, least + (Discv5Limits.ResponseTimeout / 2));
    }

    private bool IsLost(IPEndPoint from, IPEndPoint to, byte[] datagram)
    {
        AesBlock mask = PacketCodec.CreateMask((to.Equals(_theirs.EndPoint) ? _theirs : _ours).Node.Id);
        Assert.Equal(PacketError.None, PacketCodec.TryUnmask(mask, [.. datagram], out PacketHeader header));
        if (header.Flag == PacketFlag.Message && _unreadable > 0)
        {
            _unreadable--;
            datagram[^1] ^= 1;
        }

        return from.Equals(_ours.EndPoint)
            && (header.Flag == PacketFlag.Handshake || (header.Flag == PacketFlag.Message && _areMessagesLost));
    }
}
