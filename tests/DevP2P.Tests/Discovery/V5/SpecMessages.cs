using static Discv5Spec.SpecException;

namespace Discv5Spec;

/// <summary>The messages 0x01 to 0x06: a type byte and a list of exactly the elements that the specification gives it.</summary>
internal static class SpecMessages
{
    private const int MaxRequestIdSize = 8;

    public static SpecMessage Read(byte[] plaintext)
    {
        Require(plaintext.Length > 0, SpecError.MessageEmpty);
        int elements = plaintext[0] switch
        {
            0x01 => 2,
            0x02 => 4,
            0x03 => 2,
            0x04 => 3,
            0x05 => 3,
            0x06 => 2,
            _ => throw new SpecException(SpecError.MessageType),
        };
        SpecRlp[] data = SpecRlp.Decode(plaintext[1..]).AsList;
        Require(data.Length == elements, SpecError.RlpElementCount);
        byte[] requestId = data[0].AsBytes;
        Require(requestId.Length <= MaxRequestIdSize, SpecError.RequestIdTooLong);
        return plaintext[0] switch
        {
            0x01 => new SpecPing(requestId, data[1].AsInteger()),
            0x02 => ReadPong(requestId, data),
            0x03 => new SpecFindNode(requestId, [.. data[1].AsList.Select(static d => d.AsInteger())]),
            0x04 => ReadNodes(requestId, data),
            0x05 => new SpecTalkRequest(requestId, data[1].AsBytes, data[2].AsBytes),
            _ => new SpecTalkResponse(requestId, data[1].AsBytes),
        };
    }

    private static SpecPong ReadPong(byte[] requestId, SpecRlp[] data)
    {
        ulong sequence = data[1].AsInteger();
        byte[] address = data[2].AsBytes;
        Require(address.Length is 4 or 16, SpecError.AddressSize);
        return new SpecPong(requestId, sequence, address, (ushort)data[3].AsInteger(maxBytes: 2));
    }

    private static SpecNodes ReadNodes(byte[] requestId, SpecRlp[] data)
    {
        ulong total = data[1].AsInteger();
        SpecRlp[] records = data[2].AsList;
        // A record is a list; a string in its place is no NODES message.
        Require(records.All(static r => r.Payload is not null), SpecError.RlpListExpected);
        byte[][] encodings = [.. records.Select(static r => r.Encoding)];
        return new SpecNodes(requestId, total, encodings, [.. encodings.Select(SpecRecord.Decode)]);
    }
}
