using DevP2P.Rlp;

namespace DevP2P.Tests.Rlp;

/// <summary>Calls of the reader by name, in both forms. "List" goes on inside the list.</summary>
internal static class RlpCalls
{
    public static readonly string[] Names =
        ["UInt64", "UInt32", "UInt16", "Byte", "Boolean", "Big", "Integer", "Bytes", "Exact1", "Text", "List", "Raw", "Skip", "SkipRest", "Kind", "Count", "End"];

    public static bool Try(ref RlpReader reader, string call)
    {
        switch (call)
        {
            case "UInt64": return reader.TryReadUInt64(out _);
            case "UInt32": return reader.TryReadUInt32(out _);
            case "UInt16": return reader.TryReadUInt16(out _);
            case "Byte": return reader.TryReadByte(out _);
            case "Boolean": return reader.TryReadBoolean(out _);
            case "Big": return reader.TryReadBigInteger(32, out _);
            case "Integer": return reader.TryReadInteger(20, out _);
            case "Bytes": return reader.TryReadBytes(out _);
            case "Exact1": return reader.TryReadBytes(stackalloc byte[1]);
            case "Text": return reader.TryReadString(out _);
            case "Raw": return reader.TryReadRaw(out _);
            case "Skip": return reader.TrySkip();
            case "SkipRest": return reader.TrySkipRest();
            case "Kind": return reader.TryPeekKind(out _);
            case "Count": return reader.TryCountItems(3, out _);
            case "End": return reader.TryReadEnd();
            case "List":
                bool ok = reader.TryReadList(out RlpReader content);
                reader = content;
                return ok;
            default: throw new ArgumentException(call);
        }
    }

    public static void Throwing(ref RlpReader reader, string call)
    {
        switch (call)
        {
            case "UInt64": reader.ReadUInt64(); break;
            case "UInt32": reader.ReadUInt32(); break;
            case "UInt16": reader.ReadUInt16(); break;
            case "Byte": reader.ReadByte(); break;
            case "Boolean": reader.ReadBoolean(); break;
            case "Big": reader.ReadBigInteger(32); break;
            case "Integer": reader.ReadInteger(20); break;
            case "Bytes": reader.ReadBytes(); break;
            case "Exact1": reader.ReadBytes(stackalloc byte[1]); break;
            case "Text": reader.ReadString(); break;
            case "Raw": reader.ReadRaw(); break;
            case "Skip": reader.Skip(); break;
            case "SkipRest": reader.SkipRest(); break;
            case "Kind": reader.PeekKind(); break;
            case "Count": reader.CountItems(3); break;
            case "End": reader.ReadEnd(); break;
            case "List": reader = reader.ReadList(); break;
            default: throw new ArgumentException(call);
        }
    }
}
