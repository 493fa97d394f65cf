using DevP2P.Tests.Docs;

namespace DevP2P.Tests.Discovery.LegacyV5;

/// <summary>What go-ethereum 1.8.27 makes of packets, from <c>go-1.8.27-packets.txt</c>.</summary>
internal static class GoVectors
{
    /// <summary>The key of most packets.</summary>
    public const string Key = "b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291";

    /// <summary>The key of registrations.</summary>
    public const string OtherKey = "45a915e4d060149eb4365960e6a7a45f334393093061116b197e3240065ff2d8";

    private const string Path = "tests/DevP2P.Tests/Discovery/LegacyV5/go-1.8.27-packets.txt";

    private static readonly string[][] Lines = [.. RepositoryFiles.ReadLines(Path).Where(line => !line.StartsWith('#')).Select(line => line.Split(' '))];

    public static int Constant(string name) => int.Parse(Lines.Single(line => line[0] == name)[1], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Hash and bytes of a packet.</summary>
    public static (string Hash, string Datagram) Packet(string name)
    {
        string[] line = Lines.Single(line => line[0] == "packet" && line[1] == name);
        return (line[2], line[3]);
    }

    public static IEnumerable<string> PacketNames => Lines.Where(line => line[0] == "packet").Select(line => line[1]);

    /// <summary>Hashes, and the topics of which they are.</summary>
    public static IEnumerable<(string Hash, byte[][] Topics)> TopicHashes =>
        Lines.Where(line => line[0] == "topics").Select(line => (line[1], line[2..].Select(topic => Convert.FromHexString(topic.TrimEnd(','))).ToArray()));

    /// <summary>Odd packets, and whether they are accepted.</summary>
    public static IEnumerable<(string Name, bool IsAccepted, byte[] Datagram)> Odd =>
        Lines.Where(line => line[0] == "raw").Select(line => (line[1], line[2] == "true", Convert.FromHexString(line[3])));
}
