using System.Security.Cryptography;
using System.Text;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>A made-up peer; all of it follows from its number.</summary>
internal sealed class MockPeer(int number)
{
    private static readonly string[] s_clients = ["Geth/v1.14.8/linux-amd64/go1.22", "Nethermind/v1.28.0/linux-x64", "reth/v1.0.6/x86_64", "erigon/v2.60.1/linux", "besu/v24.7.1"];

    public string Id { get; } = IdOf("peer " + number);

    public string Name { get; init; } = s_clients[number % s_clients.Length];

    public bool IsInbound { get; init; } = number % 3 == 0;

    public bool IsStatic { get; init; } = number % 7 == 1;

    public bool IsTrusted { get; set; } = number % 11 == 2;

    public double Score { get; init; } = (number * 37 % 200) - 100;

    public double ConnectedSeconds { get; init; } = 10 + (number * 13 % 5000);

    public string Address => $"198.51.{number / 250}.{1 + (number % 250)}:30303";

    public string Enode => $"enode://{Id}{Id}@{Address}";

    /// <summary>A node id from any text.</summary>
    public static string IdOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>As devp2p_peers gives it, the given number of seconds after the start.</summary>
    public object Describe(double seconds) => new
    {
        enode = Enode,
        id = Id,
        name = Name,
        caps = number % 2 == 0 ? new[] { "eth/68", "snap/1" } : ["eth/68"],
        network = new { localAddress = "192.0.2.1:30303", remoteAddress = Address, inbound = IsInbound, trusted = IsTrusted, @static = IsStatic },
        protocols = new { eth = new { version = 68 } },
        connectedSeconds = ConnectedSeconds + seconds,
        traffic = new
        {
            messagesIn = (long)(seconds * 3),
            messagesOut = (long)(seconds * 2),
            bytesIn = (1_000L * number) + (long)(seconds * 100 * number),
            bytesOut = (500L * number) + (long)(seconds * 50 * number),
        },
        score = Score,
    };
}
