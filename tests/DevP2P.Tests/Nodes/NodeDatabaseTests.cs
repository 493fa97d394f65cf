using System.Net;
using CsCheck;
using DevP2P.Crypto;
using DevP2P.Nodes;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace DevP2P.Tests.Nodes;

/// <summary>What the node database remembers and drops; the file is the matter of the other two classes.</summary>
public class NodeDatabaseTests
{
    private static readonly TimeSpan SeedAge = TimeSpan.FromDays(5);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task Nothing_is_known_at_first()
    {
        await using NodeDatabase database = Memory();
        Node node = NewNode("1.2.3.4");

        Assert.Null(database.Path);
        Assert.Equal(0, database.NodeCount);
        Assert.Null(database.Find(node.Id));
        Assert.Empty(database.GetSeeds(30, SeedAge));
        Assert.Empty(database.GetUsefulNodes(30));
        Assert.Null(database.GetMeta("a"));
        Assert.Equal(0ul, database.GetLocalSequence(node.Id));
        Assert.Null(database.GetLocalRecord(node.Id));
        Assert.True(await database.FlushAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Contacts_are_kept_by_address()
    {
        await using NodeDatabase database = Memory();
        NodeId id = NewId();
        IPAddress first = IPAddress.Parse("1.2.3.4"), second = IPAddress.Parse("2600::1");
        DateTimeOffset start = _time.GetUtcNow();

        database.RecordPong(id, first);
        _time.Advance(TimeSpan.FromSeconds(1));
        database.RecordPong(id, second);
        database.RecordPingSent(id, first);
        database.RecordFindFailures(id, second, 3);
        _time.Advance(TimeSpan.FromSeconds(1));
        database.RecordPingReceived(id, first);

        NodeDatabaseEntry entry = database.Find(id)!;
        Assert.Equal(new NodeDatabaseContact(first, start.AddSeconds(1), start.AddSeconds(2), start, 0), entry.FindContact(first));
        Assert.Equal(new NodeDatabaseContact(second, null, null, start.AddSeconds(1), 3), entry.FindContact(second));
        Assert.Equal(entry.FindContact(first), entry.FindContact(first.MapToIPv6()));
        Assert.Equal(start.AddSeconds(1), entry.LastPong);
        Assert.Equal(start, entry.FirstSeen);
        Assert.Null(entry.FindContact(IPAddress.Loopback));
    }

    [Fact]
    [Trait("Threat", "T03")]
    public async Task Pings_of_strangers_leave_no_trace()
    {
        await using NodeDatabase database = Memory();
        NodeId stranger = NewId(), known = NewId();
        IPAddress address = IPAddress.Parse("1.2.3.4");

        database.RecordPingReceived(stranger, address);
        database.RecordPingSent(stranger, address);
        database.RecordFindFailures(stranger, address, 1);
        database.RecordUseful(stranger);
        database.RecordPong(known, address);
        database.RecordPingReceived(known, IPAddress.Parse("1.2.3.5"));

        Assert.Null(database.Find(stranger));
        Assert.Single(database.Find(known)!.Contacts);
    }

    [Fact]
    public async Task A_node_has_few_addresses_and_the_one_that_answered_longest_ago_goes()
    {
        await using NodeDatabase database = Memory();
        NodeId id = NewId();
        for (int i = 0; i < NodeDatabase.MaxAddressesPerNode + 2; i++)
        {
            database.RecordPong(id, new IPAddress([1, 2, 3, (byte)i]));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(
            Enumerable.Range(2, NodeDatabase.MaxAddressesPerNode).Select(i => $"1.2.3.{i}"),
            database.Find(id)!.Contacts.Select(contact => contact.Address.ToString()).Order());
    }

    [Fact]
    public async Task The_record_with_the_highest_sequence_number_stays()
    {
        await using NodeDatabase database = Memory();
        PrivateKey key = PrivateKey.Generate();
        Node first = Signed(key, "1.2.3.4", 1), second = Signed(key, "1.2.3.5", 2), last = Signed(key, "2600::1", ulong.MaxValue);
        Node bare = Node.Create(key.PublicKey, IPAddress.Parse("1.2.3.6"), 1, 1);

        database.RecordNode(bare);
        Assert.Equal(bare, database.Find(bare.Id)!.ToNode());
        database.RecordNode(second);
        Assert.Equal(second, database.Find(bare.Id)!.ToNode());
        Assert.Null(database.Find(bare.Id)!.Node!.Record);
        Assert.Equal(second.UdpEndPoint, database.Find(bare.Id)!.Node!.UdpEndPoint);

        database.RecordNode(first);
        database.RecordNode(bare);
        Assert.Equal(second, database.Find(bare.Id)!.ToNode());

        database.RecordNode(last);
        Assert.Equal(last, database.Find(bare.Id)!.ToNode());
        Assert.Equal(ulong.MaxValue, database.Find(bare.Id)!.Sequence);
        Assert.Equal(last.Record!.Encoded.ToArray(), database.Find(bare.Id)!.Record.ToArray());
    }

    [Fact]
    public async Task The_address_that_answered_counts_more_than_the_one_of_the_record()
    {
        await using NodeDatabase database = Memory();
        Node node = Signed(PrivateKey.Generate(), "1.2.3.4", 1).WithAddress(IPAddress.Parse("4.3.2.1"));
        database.RecordNode(node);
        Assert.Equal(node, database.Find(node.Id)!.ToNode());
    }

    [Fact]
    public async Task Nodes_without_an_address_are_not_stored_and_host_names_neither()
    {
        await using NodeDatabase database = Memory();
        Node nowhere = Node.Create(PrivateKey.Generate().PublicKey, null, 1, 1);
        Node named = NewNode("1.2.3.4").WithHostName("example.org");

        database.RecordNode(nowhere);
        database.RecordNode(named);

        Assert.Null(database.Find(nowhere.Id));
        Assert.Null(database.Find(named.Id)!.Node!.HostName);
        Assert.Equal(named.UdpEndPoint, database.Find(named.Id)!.Node!.UdpEndPoint);
    }

    [Fact]
    public async Task Seeds_are_those_that_answered_lately_at_their_present_address()
    {
        // Less than the cycle of expiration, which would drop what is old.
        TimeSpan age = NodeDatabase.ExpirationCycle / 2;
        await using NodeDatabase database = Memory();
        Node old = NewNode("1.0.0.1"), recent = NewNode("2.0.0.1"), silent = NewNode("3.0.0.1"), elsewhere = NewNode("4.0.0.1");
        foreach (Node node in (ReadOnlySpan<Node>)[old, recent, silent, elsewhere])
        {
            database.RecordNode(node);
        }

        database.RecordPong(old.Id, old.Address!);
        _time.Advance(age);
        database.RecordPong(NewId(), IPAddress.Parse("5.0.0.1"));
        Assert.Equal(old.Id, Assert.Single(database.GetSeeds(30, age)).Id);

        _time.Advance(TimeSpan.FromMilliseconds(1));
        database.RecordNode(recent);
        database.RecordNode(elsewhere);
        database.RecordPong(recent.Id, recent.Address!);
        database.RecordPong(elsewhere.Id, IPAddress.Parse("4.0.1.1"));
        Assert.Equal(recent.Id, Assert.Single(database.GetSeeds(30, age)).Id);
        Assert.Empty(database.GetSeeds(0, age));
    }

    [Fact]
    public async Task Seeds_are_drawn_uniformly()
    {
        await using NodeDatabase database = Memory(new NodeDatabaseOptions { Random = new SeededRandom(7) });
        for (int i = 0; i < 40; i++)
        {
            Node node = NewNode($"{i + 20}.0.0.1");
            database.RecordNode(node);
            database.RecordPong(node.Id, node.Address!);
        }

        Dictionary<NodeId, int> drawn = [];
        const int Rounds = 4000;
        for (int i = 0; i < Rounds; i++)
        {
            IReadOnlyList<NodeDatabaseEntry> seeds = database.GetSeeds(10, SeedAge);
            Assert.Equal(10, seeds.Select(seed => seed.Id).Distinct().Count());
            foreach (NodeDatabaseEntry seed in seeds)
            {
                drawn[seed.Id] = drawn.GetValueOrDefault(seed.Id) + 1;
            }
        }

        // Each is expected 1000 times, with a standard deviation of 27.
        Assert.Equal(40, drawn.Count);
        Assert.All(drawn.Values, count => Assert.InRange(count, 1000 - 160, 1000 + 160));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(16)]
    [Trait("Threat", "T03")]
    public async Task The_owner_of_two_networks_gets_neither_the_database_nor_the_seeds(int addressLength)
    {
        await using NodeDatabase database = Memory(new NodeDatabaseOptions { MaxNodes = 1000, Random = new SeededRandom(1) });
        PublicKey key = PrivateKey.Generate().PublicKey;
        for (int i = 0; i < 30; i++)
        {
            AddAnswering(database, Address(100 + i, 1));
        }

        _time.Advance(TimeSpan.FromMinutes(1));
        for (int i = 0; i < 5000; i++)
        {
            // Answers to pings need no record; a hundred have one.
            IPAddress address = Address(50 + (i & 1), i);
            if (i < 100)
            {
                AddAnswering(database, address);
            }
            else
            {
                database.RecordPong(NewId(), address);
            }
        }

        NodeDatabaseStatistics statistics = database.GetStatistics();
        Assert.Equal(30 + (2 * 64), statistics.Nodes);
        Assert.Equal(5000 - (2 * 64), statistics.Refused);
        IReadOnlyList<NodeDatabaseEntry> seeds = database.GetSeeds(30, SeedAge);
        Assert.Equal(30, seeds.Count);
        Assert.InRange(seeds.Count(seed => seed.Node!.Address!.GetAddressBytes()[1] < 100), 0, 2 * NodeDatabase.MaxSeedsPerNetwork);

        IPAddress Address(int network, int host)
        {
            byte[] bytes = new byte[addressLength];
            bytes[0] = 0x26;
            bytes[1] = (byte)network;
            bytes[^1] = (byte)host;
            if (addressLength == 16)
            {
                bytes[^2] = (byte)(host >> 8);
                bytes[6] = (byte)host;
            }

            return new IPAddress(bytes);
        }
    }

    [Fact]
    [Trait("Threat", "T03")]
    public async Task Nodes_that_move_do_not_gather_in_one_network()
    {
        await using NodeDatabase database = Memory(new NodeDatabaseOptions { MaxNodesPerNetwork = 8 });
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < 8; i++)
            {
                PublicKey key = PrivateKey.Generate().PublicKey;
                database.RecordNode(Node.Create(key, new IPAddress([20, 0, 0, (byte)i]), 1, 1));
                database.RecordNode(Node.Create(key, new IPAddress([20, 0, 1, (byte)i]), 2, 2));
            }
        }

        Assert.Equal(16, database.NodeCount);
        Assert.Equal(8, database.GetNodes().Count(entry => entry.Node!.Address!.GetAddressBytes()[2] == 1));
    }

    [Fact]
    public async Task The_local_network_is_exempt_from_the_limits_of_networks()
    {
        await using NodeDatabase database = Memory();
        for (int i = 0; i < 200; i++)
        {
            AddAnswering(database, IPAddress.Loopback);
        }

        Assert.Equal(200, database.NodeCount);
        Assert.Equal(30, database.GetSeeds(30, SeedAge).Count);
    }

    [Fact]
    [Trait("Threat", "T03")]
    public async Task Useful_nodes_are_the_last_to_make_room_and_the_longest_silent_the_first()
    {
        await using NodeDatabase database = Memory(new NodeDatabaseOptions { MaxNodes = 64 });
        List<NodeId> useful = [];
        for (int i = 0; i < 5; i++)
        {
            Node node = AddAnswering(database, new IPAddress([20, 0, (byte)i, 1]));
            database.RecordUseful(node.Id);
            useful.Add(node.Id);
        }

        List<NodeId> others = [];
        for (int i = 0; i < 1000; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(1));
            others.Add(AddAnswering(database, new IPAddress([30, (byte)(i >> 8), (byte)i, 1])).Id);
            Assert.InRange(database.NodeCount, 1, 64);
        }

        Assert.All(useful, id => Assert.NotNull(database.Find(id)));
        Assert.Equal(others[^59..].Where(id => database.Find(id) is not null), others.Where(id => database.Find(id) is not null));
        Assert.InRange(others.Count(id => database.Find(id) is not null), 58, 59);
        Assert.Equal(1005 - database.NodeCount, database.GetStatistics().Evicted);
        Assert.Equal(useful.ToHashSet(), database.GetUsefulNodes(100).Select(entry => entry.Id).ToHashSet());
    }

    [Fact]
    public async Task The_most_useful_nodes_come_first_and_few_of_one_network()
    {
        await using NodeDatabase database = Memory();
        Node[] nodes = [.. Enumerable.Range(1, 4).Select(i => AddAnswering(database, new IPAddress([20, 0, 0, (byte)i])))];
        Node other = AddAnswering(database, IPAddress.Parse("30.0.0.1"));
        for (int i = 0; i < nodes.Length; i++)
        {
            database.RecordUseful(nodes[i].Id, 10 * (i + 1));
        }

        database.RecordUseful(other.Id, int.MaxValue);
        database.RecordUseful(nodes[0].Id, 25);

        Assert.Equal([other.Id, nodes[3].Id, nodes[0].Id], database.GetUsefulNodes(30).Select(entry => entry.Id));
        Assert.Equal([other.Id], database.GetUsefulNodes(1).Select(entry => entry.Id));
        _time.Advance(NodeDatabase.UsefulExpiration + TimeSpan.FromSeconds(1));
        Assert.Empty(database.GetUsefulNodes(30));
    }

    [Fact]
    public async Task Silent_nodes_expire_but_not_while_nobody_answers()
    {
        await using NodeDatabase database = Memory();
        Node silent = AddAnswering(database, IPAddress.Parse("1.0.0.1"));
        Node useful = AddAnswering(database, IPAddress.Parse("2.0.0.1"));
        database.RecordUseful(useful.Id);
        Node live = AddAnswering(database, IPAddress.Parse("3.0.0.1"));
        IPAddress second = IPAddress.Parse("3.0.0.2");
        _time.Advance(NodeDatabase.NodeExpiration);
        database.RecordPong(live.Id, second);
        Assert.Equal(3, database.NodeCount);

        _time.Advance(NodeDatabase.ExpirationCycle);
        database.RecordPingSent(silent.Id, silent.Address!);
        Assert.Equal(3, database.NodeCount);

        database.RecordPong(live.Id, second);
        Assert.Null(database.Find(silent.Id));
        Assert.NotNull(database.Find(useful.Id));
        Assert.Equal(second, Assert.Single(database.Find(live.Id)!.Contacts).Address);
        Assert.Equal(1, database.GetStatistics().Expired);

        _time.Advance(NodeDatabase.UsefulExpiration);
        database.RecordPong(live.Id, second);
        Assert.Null(database.Find(useful.Id));
    }

    [Fact]
    public async Task An_own_sequence_number_never_goes_back()
    {
        await using NodeDatabase database = Memory();
        PrivateKey own = PrivateKey.Generate();
        NodeRecord fourth = Signed(own, "1.2.3.4", 4).Record!, fifth = Signed(own, "1.2.3.5", 5).Record!;

        database.RecordLocalRecord(fifth);
        database.RecordLocalRecord(fourth);
        Assert.Equal(5ul, database.GetLocalSequence(fifth.NodeId));
        Assert.Equal(fifth, database.GetLocalRecord(fifth.NodeId));
        Assert.Equal(0ul, database.GetLocalSequence(NewId()));
    }

    [Fact]
    public async Task Values_are_copies_and_bounded()
    {
        await using NodeDatabase database = Memory();
        byte[] value = [1, 2];
        database.SetMeta("a", value);
        value[0] = 9;
        database.GetMeta("a")![1] = 9;
        Assert.Equal([1, 2], database.GetMeta("a"));

        database.SetMeta("a", null);
        Assert.Null(database.GetMeta("a"));
        Assert.Throws<ArgumentException>(() => database.SetMeta("a", new byte[NodeDatabase.MaxMetaSize + 1]));
        for (int i = 0; i < NodeDatabase.MaxMetaEntries; i++)
        {
            database.SetMeta($"key {i}", []);
        }

        Assert.Throws<InvalidOperationException>(() => database.SetMeta("one more", []));
        database.SetMeta("key 0", [1]);
    }

    [Fact]
    public void Limits_are_at_least_one()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => NodeDatabase.Open(null, new NodeDatabaseOptions { MaxNodes = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => NodeDatabase.Open(null, new NodeDatabaseOptions { MaxNodesPerNetwork = 0 }));
    }

    /// <summary>Whatever happens in whatever order, the bounds hold, and the counts per network are those of the entries.</summary>
    [Fact]
    public void Bounds_hold_whatever_is_recorded()
    {
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 60], Gen.Int[0, 40], Gen.Int[0, 200]).Array[1, 400].Sample(
            operations =>
            {
                var time = new FakeTimeProvider();
                NodeDatabase database = NodeDatabase.Open(null, new NodeDatabaseOptions { MaxNodes = 20, MaxNodesPerNetwork = 3, TimeProvider = time });
                foreach ((int kind, int node, int address, int minutes) in operations)
                {
                    byte[] id = new byte[32];
                    id[0] = (byte)node;
                    IPAddress ip = new([20, 0, (byte)(address / 8), (byte)address]);
                    time.Advance(TimeSpan.FromMinutes(minutes));
                    switch (kind)
                    {
                        case 0: database.Remove(new NodeId(id)); break;
                        case 1: database.RecordUseful(new NodeId(id)); break;
                        case 2: database.RecordPingSent(new NodeId(id), ip); break;
                        default: database.RecordPong(new NodeId(id), ip); break;
                    }

                    IReadOnlyList<NodeDatabaseEntry> all = database.GetNodes();
                    Assert.InRange(all.Count, 0, 20);
                    Assert.All(all, entry => Assert.InRange(entry.Contacts.Length, 0, NodeDatabase.MaxAddressesPerNode));
                    Assert.All(all.CountBy(entry => entry.Network), network => Assert.InRange(network.Value, 1, 3));
                }
            },
            iter: 50);
    }

    internal static Node NewNode(string address) =>
        Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Parse(address), 30303, 30301);

    internal static Node Signed(PrivateKey key, string address, ulong sequence) => Node.FromRecord(
        new NodeRecordBuilder { Sequence = sequence }.SetAddress(IPAddress.Parse(address)).SetTcpPort(30303).SetUdpPort(30301).Sign(key));

    internal static NodeId NewId()
    {
        byte[] bytes = new byte[NodeId.Size];
        RandomSource.System.Fill(bytes);
        return new NodeId(bytes);
    }

    internal static Node AddAnswering(NodeDatabase database, IPAddress address)
    {
        Node node = NewNode(address.ToString());
        database.RecordPong(node.Id, address);
        if (database.Find(node.Id) is not null)
        {
            database.RecordNode(node);
        }

        return node;
    }

    private NodeDatabase Memory(NodeDatabaseOptions? options = null) =>
        NodeDatabase.Open(null, (options ?? new NodeDatabaseOptions()) with { TimeProvider = _time });

    private sealed class SeededRandom(int seed) : RandomSource
    {
        private readonly Random _random = new(seed);

        public override void Fill(Span<byte> destination) => _random.NextBytes(destination);
    }
}
