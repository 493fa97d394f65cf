using System.Diagnostics.CodeAnalysis;
using System.Text;
using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Rlp;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>What nodes advertise and look for: a short text, in practice of ASCII. Immutable.</summary>
/// <remarks>Go: <c>discv5.Topic</c>. Other nodes may send any bytes; they are kept as they came, because tickets are bound to their hash.</remarks>
internal sealed class Topic : IEquatable<Topic>
{
    /// <summary>The most bytes of a topic. The longest in use have about 30; go-ethereum has no limit but the packet's.</summary>
    public const int MaxSize = 255;

    private readonly byte[] _bytes;
    private readonly int _hashCode;

    private Topic(byte[] bytes)
    {
        _bytes = bytes;
        var hash = default(HashCode);
        hash.AddBytes(bytes);
        _hashCode = hash.ToHashCode();
    }

    /// <summary>The bytes as they are sent.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Makes a topic from what somebody sent.</summary>
    /// <returns>False if it is too long.</returns>
    public static bool TryCreate(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Topic? topic)
    {
        topic = bytes.Length <= MaxSize ? new Topic(bytes.ToArray()) : null;
        return topic is not null;
    }

    /// <summary>Makes a topic from the operator's text.</summary>
    /// <exception cref="ArgumentException">It is empty or has more than <see cref="MaxSize"/> bytes.</exception>
    public static Topic FromText(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return bytes.Length <= MaxSize
            ? new Topic(bytes)
            : throw new ArgumentException($"a topic has at most {MaxSize} bytes, not {bytes.Length}", nameof(text));
    }

    /// <summary>What a pong says of the topics of the ping, and a ticket is bound to: the Keccak-256 hash of their list in RLP.</summary>
    public static NodeId HashOf(IReadOnlyList<Topic> topics)
    {
        using var writer = new RlpWriter(64);
        RlpListToken list = writer.StartList();
        foreach (Topic topic in topics)
        {
            writer.Write(topic.Bytes);
        }

        writer.EndList(list);
        return Keccak(writer.Written);
    }

    /// <summary>The point around which the topic is advertised: the Keccak-256 hash of its bytes.</summary>
    public NodeId ComputeHash() => Keccak(_bytes);

    /// <inheritdoc/>
    public bool Equals(Topic? other) => other is not null && _bytes.AsSpan().SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Topic);

    /// <inheritdoc/>
    public override int GetHashCode() => _hashCode;

    /// <summary>The bytes as UTF-8, as far as they are.</summary>
    public override string ToString() => Encoding.UTF8.GetString(_bytes);

    private static NodeId Keccak(ReadOnlySpan<byte> data)
    {
        Span<byte> hash = stackalloc byte[Keccak256.DigestSize];
        Keccak256.Hash(data, hash);
        return new NodeId(hash);
    }
}
