using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>
/// Cryptography that takes long. The machine makes it, <see cref="Run"/> computes it anywhere, and the machine takes it back. It
/// holds everything that it needs.
/// </summary>
internal abstract class Job
{
    /// <summary>Computes. Called once, in any thread; touches nothing but the job. Never throws, whatever the bytes.</summary>
    public abstract void Run(SessionCrypto crypto);
}

/// <summary>Our part of a handshake that a WHOAREYOU asks for.</summary>
/// <param name="call">The request that was challenged.</param>
/// <param name="challengeData">The WHOAREYOU, unmasked.</param>
/// <param name="ephemeral">A private key for this handshake only.</param>
/// <param name="sendRecord">Whether the other side has an old record of ours, or none.</param>
internal sealed class InitiateJob(Call call, byte[] challengeData, byte[] ephemeral, bool sendRecord) : Job
{
    private readonly byte[] _ephemeralKey = new byte[Secp256k1.CompressedKeySize];
    private readonly byte[] _signature = new byte[Secp256k1.SignatureSize];
    private readonly byte[] _keys = new byte[SessionCrypto.KeysSize];

    public Call Call => call;

    public bool SendRecord => sendRecord;

    public bool IsGood { get; private set; }

    public ReadOnlySpan<byte> EphemeralKey => _ephemeralKey;

    public ReadOnlySpan<byte> Signature => _signature;

    public ReadOnlySpan<byte> Keys => _keys;

    public override void Run(SessionCrypto crypto) =>
        IsGood = crypto.TryInitiate(call.Node.PublicKey, challengeData, ephemeral, _ephemeralKey, _signature, _keys);
}

/// <summary>The other side's part of a handshake that we asked for.</summary>
/// <param name="challenge">Our WHOAREYOU.</param>
/// <param name="header">The packet's header.</param>
/// <param name="datagram">The packet, its header unmasked.</param>
internal sealed class AcceptJob(Challenge challenge, PacketHeader header, byte[] datagram) : Job
{
    private readonly byte[] _keys = new byte[SessionCrypto.KeysSize];

    public Challenge Challenge => challenge;

    public PacketHeader Header => header;

    public ReadOnlySpan<byte> Datagram => datagram;

    public bool IsGood { get; private set; }

    /// <summary>Who it is: with the record in the packet, or else with the one that we know.</summary>
    public Node? Node { get; private set; }

    public ReadOnlySpan<byte> Keys => _keys;

    public override void Run(SessionCrypto crypto)
    {
        Node = challenge.Node;
        if (header.GetRecord(datagram) is { IsEmpty: false } record)
        {
            // T08: reading it checks the key; a record of another node would let that one speak in this one's name.
            if (crypto.ReadRecord(record) is not { } sent || sent.Id != challenge.Key.Id)
            {
                return;
            }

            Node = Node is null ? sent : Nodes.Node.Newest(Node, sent);
        }

        IsGood = Node is not null
            && crypto.TryAccept(
                Node.PublicKey, challenge.Data, PacketHeader.GetEphemeralKey(datagram), PacketHeader.GetSignature(datagram), _keys);
    }
}

/// <summary>A record in an answer.</summary>
/// <param name="Known">The node, if the record was verified before.</param>
/// <param name="Bytes">The record, if it was not.</param>
internal readonly record struct NamedRecord(Node? Known, byte[]? Bytes);

/// <summary>Records to be verified, and known ones among them.</summary>
/// <param name="call">The request that they answer.</param>
/// <param name="records">The records.</param>
internal sealed class RecordsJob(FindNodeCall call, List<NamedRecord> records) : Job
{
    public FindNodeCall Call => call;

    /// <summary>Those that are good.</summary>
    public List<Node> Nodes { get; } = new(records.Count);

    public override void Run(SessionCrypto crypto)
    {
        foreach (NamedRecord record in records)
        {
            if ((record.Known ?? crypto.ReadRecord(record.Bytes)) is { } node)
            {
                Nodes.Add(node);
            }
        }
    }
}
