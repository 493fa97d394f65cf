namespace DevP2P;

/// <summary>A sub-protocol that a node speaks: a short ASCII name and a version (rlpx.md, "Capability Messaging").</summary>
/// <param name="Name">The name, compared byte by byte; case matters.</param>
/// <param name="Version">The version.</param>
/// <remarks>Go: <c>p2p.Cap</c>.</remarks>
public readonly record struct Capability(string Name, uint Version) : IComparable<Capability>
{
    /// <summary>Name, a slash, version: "eth/68".</summary>
    public override string ToString() => $"{Name}/{Version}";

    /// <summary>Orders by name (ordinal), then by version: the order that decides message-id offsets.</summary>
    public int CompareTo(Capability other)
    {
        int byName = string.CompareOrdinal(Name, other.Name);
        return byName != 0 ? byName : Version.CompareTo(other.Version);
    }

    /// <summary>Order of <see cref="CompareTo"/>.</summary>
    public static bool operator <(Capability left, Capability right) => left.CompareTo(right) < 0;

    /// <summary>Order of <see cref="CompareTo"/>.</summary>
    public static bool operator <=(Capability left, Capability right) => left.CompareTo(right) <= 0;

    /// <summary>Order of <see cref="CompareTo"/>.</summary>
    public static bool operator >(Capability left, Capability right) => left.CompareTo(right) > 0;

    /// <summary>Order of <see cref="CompareTo"/>.</summary>
    public static bool operator >=(Capability left, Capability right) => left.CompareTo(right) >= 0;
}
