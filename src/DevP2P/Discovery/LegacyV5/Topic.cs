namespace DevP2P.Discovery.LegacyV5;

/// <summary>What nodes advertise and search for: any bytes, by habit text.</summary>
internal sealed class Topic(ReadOnlySpan<byte> bytes) : IEquatable<Topic>
{
    private readonly byte[] _bytes = bytes.ToArray();

    public ReadOnlySpan<byte> Bytes => _bytes;

    public bool Equals(Topic? other) => other is not null && Bytes.SequenceEqual(other.Bytes);

    public override bool Equals(object? obj) => Equals(obj as Topic);

    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }
}
