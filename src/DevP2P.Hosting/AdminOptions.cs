namespace DevP2P.Hosting;

/// <summary>Who may use the admin API, and what it says of the program around the node.</summary>
public sealed class AdminOptions
{
    /// <summary>
    /// What a caller by HTTP or WebSocket must show: <c>Authorization: Bearer TOKEN</c>, or the WebSocket subprotocol
    /// <c>devp2p.token.TOKEN</c>. At least 16 characters, printable ASCII without blanks. Null: everybody on this machine may call, and nobody
    /// else: without a token the API refuses to be reached by anything but loopback. Default: null.
    /// </summary>
    public string? Token { get; set; }

    /// <summary>
    /// A file with the token, of mode 0600; made with a random one if it is not there. Takes the place of <see cref="Token"/>. Default: null.
    /// </summary>
    public string? TokenFile { get; set; }

    /// <summary>
    /// Host names, without port, that requests may name in <c>Host</c> besides localhost, 127.0.0.1 and [::1]: a page of another name that
    /// resolves to this machine is refused otherwise (DNS rebinding).
    /// </summary>
    public IList<string> Hosts { get; } = [];

    /// <summary>Origins of web pages that may call, besides the API's own: <c>https://ops.example:8443</c>.</summary>
    public IList<string> Origins { get; } = [];

    /// <summary>
    /// The path of a Unix socket that serves the same methods to this user, framed as geth's IPC, without token (<see cref="AdminSocket"/>).
    /// Null for none. Default: null.
    /// </summary>
    public string? SocketPath { get; set; }

    /// <summary>What <c>admin_datadir</c> says. Default: empty.</summary>
    public string DataDirectory { get; set; } = "";

    /// <summary>What <c>net_version</c> says: the number of the network. Default: 1.</summary>
    public ulong NetworkId { get; set; } = 1;

    /// <summary>What <c>web3_clientVersion</c> says; null for the node's name. Default: null.</summary>
    public string? ClientVersion { get; set; }
}
