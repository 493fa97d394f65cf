using DevP2P.Rlp;

namespace DevP2P.Discovery.V5;

/// <summary>What a message is (discv5-wire.md, "Protocol Messages"). 0x07 to 0x0a belong to topic discovery.</summary>
internal enum MessageType : byte
{
    Ping = 1,
    Pong = 2,
    FindNode = 3,
    Nodes = 4,
    TalkRequest = 5,
    TalkResponse = 6,
}

/// <summary>
/// A message as it was received: a view of the bytes that <see cref="MessageCodec.TryDecode"/> has checked. Which of its members
/// mean something depends on <see cref="Type"/>.
/// </summary>
internal ref struct WireMessage
{
    /// <summary>What it is.</summary>
    public MessageType Type;

    /// <summary>Of all messages.</summary>
    public RequestId Id;

    /// <summary>Of a ping and a pong: the sequence number of the sender's record.</summary>
    public ulong Sequence;

    /// <summary>Of a pong: the address from which the ping came, 4 or 16 bytes.</summary>
    public ReadOnlySpan<byte> Address;

    /// <summary>Of a pong: the port from which the ping came.</summary>
    public ushort Port;

    /// <summary>Of nodes: how many packets the answer has.</summary>
    public ulong Total;

    /// <summary>Of a find node: the distances, numbers. Of nodes: the records, lists.</summary>
    public RlpReader Items;

    /// <summary>Of a talk request: the protocol's name.</summary>
    public ReadOnlySpan<byte> Protocol;

    /// <summary>Of a talk request and a talk response: what is said.</summary>
    public ReadOnlySpan<byte> Data;
}
