using System.Net;
using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Rlp;

namespace DevP2P.Discovery;

/// <summary>
/// The nodes of the legacy topic discovery that the next run starts from: a value of the node database, apart from the nodes of v4 and
/// v5.1, which do not speak it. In discovery's loop.
/// </summary>
/// <remarks>Go: <c>discv5.nodeDB</c>, to which nothing is ever written in 1.8.27.</remarks>
/// <param name="database">Where it is kept.</param>
/// <param name="time">The clock.</param>
internal sealed class TopicDiscoverySeeds(NodeDatabase database, TimeProvider time)
{
    /// <summary>How many are kept. Go: <c>seedCount</c>.</summary>
    public const int MaxSeeds = 30;

    /// <summary>How old they may be. Go: <c>seedMaxAge</c>.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromDays(5);

    /// <summary>A seed that was seen so lately gives way to nobody, nor is it written again.</summary>
    public static readonly TimeSpan KeepFor = TimeSpan.FromMinutes(30);

    private const string Key = "legacy-v5/seeds";

    private readonly List<(Node Node, long SeenAt)> _seeds = Read(database.GetMeta(Key) ?? []);

    /// <summary>The seeds, those first that were seen last.</summary>
    public IReadOnlyList<Node> Get()
    {
        long oldest = Now() - (long)MaxAge.TotalSeconds;
        return [.. _seeds.Where(seed => seed.SeenAt >= oldest).OrderByDescending(static seed => seed.SeenAt).Select(static seed => seed.Node)];
    }

    /// <summary>A node has proved itself.</summary>
    public void Add(Node node)
    {
        long now = Now();
        int index = _seeds.FindIndex(seed => seed.Node.Id == node.Id);
        if (index < 0 && _seeds.Count >= MaxSeeds)
        {
            index = _seeds.FindIndex(seed => seed.SeenAt == _seeds.Min(static s => s.SeenAt));
        }

        if (index >= 0)
        {
            bool isSame = _seeds[index].Node.Equals(node);
            bool isKept = now - _seeds[index].SeenAt < (long)KeepFor.TotalSeconds;
            if (isKept && (isSame || _seeds[index].Node.Id != node.Id))
            {
                return;
            }

            _seeds.RemoveAt(index);
        }

        _seeds.Add((node, now));
        database.SetMeta(Key, Write());
    }

    private long Now() => time.GetUtcNow().ToUnixTimeSeconds();

    private byte[] Write()
    {
        using var writer = new RlpWriter(MaxSeeds * 100);
        RlpListToken list = writer.StartList();
        foreach ((Node node, long seenAt) in _seeds)
        {
            RlpListToken item = writer.StartList();
            writer.Write(node.PublicKey.Bytes);
            writer.Write(node.Address!.GetAddressBytes());
            writer.Write((ulong)node.UdpPort);
            writer.Write((ulong)node.TcpPort);
            writer.Write(seenAt);
            writer.EndList(item);
        }

        writer.EndList(list);
        return writer.ToArray();
    }

    /// <summary>What is damaged is left out.</summary>
    private static List<(Node Node, long SeenAt)> Read(ReadOnlySpan<byte> rlp)
    {
        List<(Node Node, long SeenAt)> seeds = [];
        var reader = new RlpReader(rlp);
        if (!reader.TryReadList(out RlpReader items))
        {
            return seeds;
        }

        while (!items.IsAtEnd && seeds.Count < MaxSeeds && items.TryReadList(out RlpReader item))
        {
            if (item.TryReadBytes(out ReadOnlySpan<byte> key)
                && item.TryReadBytes(out ReadOnlySpan<byte> address)
                && item.TryReadUInt16(out ushort udp)
                && item.TryReadUInt16(out ushort tcp)
                && item.TryReadUInt64(out ulong seenAt)
                && address.Length is 4 or 16
                && seenAt <= long.MaxValue
                && PublicKey.TryParse(key, out PublicKey? publicKey))
            {
                seeds.Add((Node.Create(publicKey, new IPAddress(address), tcp, udp), (long)seenAt));
            }
        }

        return seeds;
    }
}
