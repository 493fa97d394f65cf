using System.Diagnostics.CodeAnalysis;
using System.Text;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Rlp;

namespace DevP2P.Discovery.V5;

/// <content>What others want from us. Answers go to the session's endpoint and nowhere else (T05).</content>
internal sealed partial class Discv5
{
    private readonly Node[] _answer = new Node[Discv5Limits.MaxNodesPerAnswer];
    private readonly byte[] _answerRecords = new byte[MessageCodec.MaxRecordBytes];
    private readonly Dictionary<string, byte[]> _talkProtocols = new(StringComparer.Ordinal);
    private int _talks;

    /// <summary>The protocols for which talk requests become outputs; others are answered empty.</summary>
    public IReadOnlyCollection<string> TalkProtocols => _talkProtocols.Keys;

    /// <summary>Adds a protocol to <see cref="TalkProtocols"/>.</summary>
    public void AddTalkProtocol(string protocol) => _talkProtocols[protocol] = Encoding.UTF8.GetBytes(protocol);

    /// <summary>Removes a protocol from <see cref="TalkProtocols"/>.</summary>
    public void RemoveTalkProtocol(string protocol) => _talkProtocols.Remove(protocol);

    /// <summary>Answers a talk request. What is too large is not sent: an empty answer goes out instead.</summary>
    /// <param name="talk">The request.</param>
    /// <param name="response">At most <see cref="MessageCodec.MaxTalkResponseSize"/> bytes.</param>
    public void AnswerTalk(Talk talk, ReadOnlySpan<byte> response)
    {
        if (talk.IsAnswered)
        {
            return;
        }

        talk.IsAnswered = true;
        _talks--;
        talk.Remote.Talks--;
        SendTalkResponse(talk.Remote, talk.Session, talk.Id, response.Length <= MessageCodec.MaxTalkResponseSize ? response : default);
        ForgetIfIdle(talk.Remote);
    }

    private void AnswerPing(Timestamp now, Remote remote, Session session, in WireMessage message)
    {
        Answer(remote, session, _plain.AsSpan(0, MessageCodec.WritePong(_plain, message.Id, Local.Sequence, remote.Key.EndPoint)));
        if (message.Sequence > (remote.Node?.Sequence ?? 0))
        {
            Update(now, remote, message.Sequence);
        }
    }

    /// <summary>A node has a newer record than the table knows. It is asked where it is: the record may say that it has moved.</summary>
    private void Update(Timestamp now, Remote remote, ulong sequence)
    {
        if (!Table.TryGet(remote.Key.Id, out TableEntry? entry) || entry.Node.Sequence >= sequence || IsBeingFetched(remote))
        {
            return;
        }

        Node known = entry.Node;
        if (GetEndPoint(known) is not { } endPoint || CompactEndPoint.From(endPoint) != remote.Key.EndPoint)
        {
            known = Node.Create(known.PublicKey, remote.Address, known.TcpPort, remote.Key.EndPoint.Port);
        }

        FetchRecord(now, known, (t, record) =>
        {
            if (record is not null && ToNode(record, known) is { } newer)
            {
                remote.Node = newer;
                Table.AddFound(t, newer, remote.Address);
            }
        });
    }

    private static bool IsBeingFetched(Remote remote) =>
        remote.Active.Exists(static c => c is FindNodeCall { Distances: [0] }) || remote.Waiting.Any(static c => c is FindNodeCall { Distances: [0] });

    private void AnswerFindNode(Remote remote, Session session, in WireMessage message)
    {
        ReadOnlySpan<Node> nodes = _answer.AsSpan(0, CollectNodes(remote, message.Items));
        int total = 0;
        for (int start = 0; start < nodes.Length && total < Discv5Limits.MaxPacketsSent; total++)
        {
            start += CountFitting(nodes[start..]);
        }

        // Nobody to name is an answer, too.
        total = Math.Max(total, 1);
        for ((int sent, int start) = (0, 0); sent < total; sent++)
        {
            int count = CountFitting(nodes[start..]);
            int length = 0;
            foreach (Node node in nodes.Slice(start, count))
            {
                ReadOnlySpan<byte> record = node.Record!.Encoded.Span;
                record.CopyTo(_answerRecords.AsSpan(length));
                length += record.Length;
            }

            Answer(remote, session, _plain.AsSpan(0, MessageCodec.WriteNodes(_plain, message.Id, total, _answerRecords.AsSpan(0, length))));
            start += count;
        }
    }

    /// <summary>How many of the first records fit into one packet.</summary>
    private static int CountFitting(ReadOnlySpan<Node> nodes)
    {
        int length = 0;
        int count = 0;
        while (count < nodes.Length && (length += nodes[count].Record!.Encoded.Length) <= MessageCodec.MaxRecordBytes)
        {
            count++;
        }

        return count;
    }

    /// <summary>Fills in the answer: live nodes at the distances asked for, which may be named to whoever asks (T18).</summary>
    /// <returns>How many there are.</returns>
    private int CollectNodes(Remote remote, RlpReader distances)
    {
        int count = 0;
        // A distance that comes twice is answered once.
        Span<bool> isDone = stackalloc bool[Distance.Max + 1];
        isDone.Clear();
        while (count < _answer.Length && distances.TryReadUInt64(out ulong value))
        {
            if (value > Distance.Max || isDone[(int)value])
            {
                continue;
            }

            isDone[(int)value] = true;
            if (value == 0)
            {
                _answer[count++] = Local.Node;
                continue;
            }

            foreach (TableEntry entry in Table.GetEntries(NodeTable.GetBucketIndex((int)value)))
            {
                if (count == _answer.Length)
                {
                    break;
                }

                if (entry.IsLive
                    && entry.Node.Record is not null
                    && Distance.Log(Local.Id, entry.Node.Id) == (int)value
                    && entry.Node.Id != remote.Key.Id
                    && AddressRules.CheckRelayAddress(remote.Address, entry.Node.Address!) is null)
                {
                    _answer[count++] = entry.Node;
                }
            }
        }

        return count;
    }

    private void TakeTalk(Remote remote, Session session, in WireMessage message)
    {
        if (!TryFindTalkProtocol(message.Protocol, out string? protocol)
            || _talks >= Discv5Limits.MaxTalks
            || remote.Talks >= Discv5Limits.MaxTalksPerNode)
        {
            SendTalkResponse(remote, session, message.Id, default);
            return;
        }

        _talks++;
        remote.Talks++;
        Put(new TalkReceived(new Talk(remote, session, message.Id), protocol, message.Data.ToArray()));
    }

    private bool TryFindTalkProtocol(ReadOnlySpan<byte> name, [NotNullWhen(true)] out string? protocol)
    {
        foreach ((string known, byte[] bytes) in _talkProtocols)
        {
            if (name.SequenceEqual(bytes))
            {
                protocol = known;
                return true;
            }
        }

        protocol = null;
        return false;
    }

    private void SendTalkResponse(Remote remote, Session session, RequestId id, ReadOnlySpan<byte> response) =>
        Answer(remote, session, _plain.AsSpan(0, MessageCodec.WriteTalkResponse(_plain, id, response)));
}
