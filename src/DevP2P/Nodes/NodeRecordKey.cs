namespace DevP2P.Nodes;

/// <summary>The keys of the node record entries that this library knows (enr.md and enr-entries/ of ethereum/devp2p).</summary>
/// <remarks>Go: the <c>ENRKey</c> methods of package <c>enr</c>.</remarks>
public static class NodeRecordKey
{
    /// <summary>The name of the identity scheme, always "v4". Set by signing.</summary>
    public const string IdentityScheme = "id";

    /// <summary>The public key, 33 bytes, compressed. Set by signing.</summary>
    public const string PublicKey = "secp256k1";

    /// <summary>The IPv4 address, 4 bytes.</summary>
    public const string IPv4 = "ip";

    /// <summary>The IPv6 address, 16 bytes.</summary>
    public const string IPv6 = "ip6";

    /// <summary>The TCP port, for both address families unless there is <see cref="Tcp6"/>.</summary>
    public const string Tcp = "tcp";

    /// <summary>The TCP port for IPv6.</summary>
    public const string Tcp6 = "tcp6";

    /// <summary>The UDP port, for both address families unless there is <see cref="Udp6"/>.</summary>
    public const string Udp = "udp";

    /// <summary>The UDP port for IPv6.</summary>
    public const string Udp6 = "udp6";

    /// <summary>A list whose first element is the fork id (EIP-2124) of the chain that the node serves.</summary>
    public const string Eth = "eth";
}
