using System.Text;

namespace DevP2P;

/// <summary>How a connection came to be, which decides what limits it is under.</summary>
/// <remarks>Go: <c>connFlag</c>.</remarks>
[Flags]
public enum ConnectionFlags
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>We dialed a node that discovery or a protocol proposed.</summary>
    DynamicDialed = 1,

    /// <summary>We dialed a node that the operator named.</summary>
    StaticDialed = 2,

    /// <summary>The other node connected to us.</summary>
    Inbound = 4,

    /// <summary>A trusted node: no limits hold.</summary>
    Trusted = 8,
}

internal static class ConnectionFlagsExtensions
{
    /// <summary>go-ethereum's form: "trusted-inbound", "staticdial".</summary>
    public static string ToText(this ConnectionFlags flags)
    {
        var text = new StringBuilder();
        Append(ConnectionFlags.Trusted, "-trusted");
        Append(ConnectionFlags.DynamicDialed, "-dyndial");
        Append(ConnectionFlags.StaticDialed, "-staticdial");
        Append(ConnectionFlags.Inbound, "-inbound");
        return text.Length == 0 ? "" : text.ToString(1, text.Length - 1);

        void Append(ConnectionFlags flag, string name)
        {
            if ((flags & flag) != 0)
            {
                text.Append(name);
            }
        }
    }
}
