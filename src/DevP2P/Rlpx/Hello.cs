using DevP2P.Crypto;
using DevP2P.Rlp;

namespace DevP2P.Rlpx;

/// <summary>The first message of the base protocol (rlpx.md, "Hello (0x00)").</summary>
/// <param name="Version">The version of the base protocol: 5 means that messages are compressed.</param>
/// <param name="Name">The client's name, as its node gives it. From outside: untrusted text.</param>
/// <param name="Capabilities">What the node speaks.</param>
/// <param name="ListenPort">Legacy; to be ignored.</param>
/// <param name="Key">The node's static public key.</param>
/// <remarks>Go: <c>protoHandshake</c>.</remarks>
public sealed record Hello(ulong Version, string Name, IReadOnlyList<Capability> Capabilities, ulong ListenPort, PublicKey Key)
    : IRlpSerializable
{
    /// <summary>The version that this library speaks.</summary>
    public const ulong CurrentVersion = 5;

    /// <summary>From this version on both sides compress payloads (EIP-706).</summary>
    public const ulong SnappyVersion = 5;

    /// <inheritdoc/>
    public void WriteTo(ref RlpWriter writer)
    {
        var hello = writer.StartList();
        writer.Write(Version);
        writer.Write(Name);
        var capabilities = writer.StartList();
        foreach (Capability capability in Capabilities)
        {
            var item = writer.StartList();
            writer.Write(capability.Name);
            writer.Write(capability.Version);
            writer.EndList(item);
        }

        writer.EndList(capabilities);
        writer.Write(ListenPort);
        writer.Write(Key.Bytes);
        writer.EndList(hello);
    }

    /// <summary>Reads a Hello; further list elements are ignored.</summary>
    /// <param name="payload">The message's payload.</param>
    /// <param name="expected">The key that is probably in it, which need not be checked and hashed again.</param>
    /// <param name="hello">The Hello, or null.</param>
    /// <param name="failure">The reason to give the other side.</param>
    internal static bool TryRead(ReadOnlySpan<byte> payload, PublicKey expected, out Hello? hello, out DisconnectReason failure)
    {
        hello = null;
        failure = DisconnectReason.ProtocolError;
        var reader = new RlpReader(payload);
        if (!reader.TryReadList(out RlpReader list)
            || !list.TryReadUInt64(out ulong version)
            || !list.TryReadString(out string? name)
            || !list.TryReadList(out RlpReader items)
            || !TryReadCapabilities(items, out List<Capability>? capabilities)
            || !list.TryReadUInt64(out ulong listenPort)
            || !list.TryReadBytes(out ReadOnlySpan<byte> id))
        {
            return false;
        }

        PublicKey? key = expected;
        if (!id.SequenceEqual(expected.Bytes) && (id.Length != Secp256k1.PublicKeySize || !PublicKey.TryParse(id, out key)))
        {
            failure = DisconnectReason.InvalidIdentity;
            return false;
        }

        hello = new Hello(version, name, capabilities, listenPort, key);
        return true;
    }

    private static bool TryReadCapabilities(RlpReader items, out List<Capability> capabilities)
    {
        capabilities = [];
        while (!items.IsAtEnd)
        {
            if (!items.TryReadList(out RlpReader item)
                || !item.TryReadString(out string? name)
                || !item.TryReadUInt32(out uint version))
            {
                return false;
            }

            capabilities.Add(new Capability(name, version));
        }

        return true;
    }
}
