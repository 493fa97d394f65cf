namespace Discv5Spec;

/// <summary>A packet whose header has been unmasked.</summary>
/// <param name="MaskingIv">16 bytes.</param>
/// <param name="Header">The static header and the authdata, unmasked.</param>
/// <param name="Nonce">12 bytes.</param>
internal abstract record SpecPacket(byte[] MaskingIv, byte[] Header, byte[] Nonce)
{
    /// <summary>masking-iv || header: the additional data of a message, and of WHOAREYOU the challenge-data.</summary>
    public byte[] AuthenticatedData => [.. MaskingIv, .. Header];
}

/// <summary>A packet that carries a message.</summary>
internal abstract record SpecMessagePacket(byte[] MaskingIv, byte[] Header, byte[] Nonce, byte[] SourceId, byte[] Message)
    : SpecPacket(MaskingIv, Header, Nonce);

/// <summary>Flag 0.</summary>
internal sealed record SpecOrdinaryPacket(byte[] MaskingIv, byte[] Header, byte[] Nonce, byte[] SourceId, byte[] Message)
    : SpecMessagePacket(MaskingIv, Header, Nonce, SourceId, Message);

/// <summary>Flag 1.</summary>
internal sealed record SpecWhoareyouPacket(byte[] MaskingIv, byte[] Header, byte[] Nonce, byte[] IdNonce, ulong RecordSequence)
    : SpecPacket(MaskingIv, Header, Nonce);

/// <summary>Flag 2. The record is bytes that were not looked at, and null if it was omitted.</summary>
internal sealed record SpecHandshakePacket(
    byte[] MaskingIv, byte[] Header, byte[] Nonce, byte[] SourceId, byte[] IdSignature, byte[] EphemeralKey, byte[]? Record, byte[] Message)
    : SpecMessagePacket(MaskingIv, Header, Nonce, SourceId, Message);

/// <summary>A message.</summary>
/// <param name="RequestId">0 to 8 bytes.</param>
internal abstract record SpecMessage(byte[] RequestId);

/// <summary>0x01.</summary>
internal sealed record SpecPing(byte[] RequestId, ulong RecordSequence) : SpecMessage(RequestId);

/// <summary>0x02. The address has 4 or 16 bytes.</summary>
internal sealed record SpecPong(byte[] RequestId, ulong RecordSequence, byte[] RecipientAddress, ushort RecipientPort) : SpecMessage(RequestId);

/// <summary>0x03.</summary>
internal sealed record SpecFindNode(byte[] RequestId, ulong[] Distances) : SpecMessage(RequestId);

/// <summary>0x04. A record that is refused does not make the message wrong: the specification has each verified by itself.</summary>
/// <param name="RequestId">0 to 8 bytes.</param>
/// <param name="Total">The number of responses.</param>
/// <param name="RecordBytes">The records' bytes.</param>
/// <param name="Records">What they say, in the same order.</param>
internal sealed record SpecNodes(byte[] RequestId, ulong Total, byte[][] RecordBytes, SpecResult<SpecRecord>[] Records) : SpecMessage(RequestId);

/// <summary>0x05.</summary>
internal sealed record SpecTalkRequest(byte[] RequestId, byte[] Protocol, byte[] Request) : SpecMessage(RequestId);

/// <summary>0x06.</summary>
internal sealed record SpecTalkResponse(byte[] RequestId, byte[] Response) : SpecMessage(RequestId);

/// <summary>The keys of a session.</summary>
internal sealed record SpecKeys(byte[] Initiator, byte[] Recipient);

/// <summary>What a handshake packet has proved.</summary>
/// <param name="Record">The record in it; null if it had none.</param>
/// <param name="Keys">The new session's keys.</param>
/// <param name="Message">The message, decrypted with the initiator's key.</param>
internal sealed record SpecSession(SpecRecord? Record, SpecKeys Keys, SpecMessage Message);
