using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;
using static DevP2P.Tests.Discovery.Core.TableNodes;

namespace DevP2P.Tests.Discovery.Core;

public sealed class NodeTableTests
{
    [Fact]
    public void A_found_node_becomes_an_entry_once()
    {
        NodeTable table = CreateTable();
        Assert.Equal(TableAddResult.Added, table.AddFound(Start, NodeOf(1), Sender));
        Assert.Equal(TableAddResult.Known, table.AddFound(Start, NodeOf(1), Sender));
        Assert.True(table.TryGet(IdOf(1), out TableEntry? entry));
        Assert.Equal((TableOutputKind.NodeAdded, entry, NodeOf(1)), Deconstruct(Assert.Single(table.Drain())));
        Assert.False(entry.IsLive);
        Assert.Equal(Start.Monotonic, entry.AddedToBucket);
        Assert.Equal(1, table.Count);
    }

    [Fact]
    public void The_owner_is_never_stored()
    {
        NodeTable table = CreateTable(self: 5);
        Assert.Equal(TableAddResult.Self, table.AddFound(Start, NodeOf(5), Sender));
        Assert.Equal(TableAddResult.Self, table.AddInbound(Start, NodeOf(5)));
        Assert.Equal(TableAddResult.Self, table.AddSeed(Start, NodeOf(5), isOperatorNamed: true));
        Assert.Equal(0, table.Count);
    }

    [Fact]
    public void A_node_without_an_endpoint_is_not_stored()
    {
        NodeTable table = CreateTable();
        Assert.Equal(TableAddResult.NoEndPoint, table.AddFound(Start, Node.Create(KeyOf(1), null, 1, 1), Sender));
        Assert.Equal(TableAddResult.NoEndPoint, table.AddSeed(Start, Node.Create(KeyOf(1), AddressOf(1), 1, 0), isOperatorNamed: true));
        Assert.Equal(TableAddResult.NoEndPoint, table.AddSeed(Start, Node.Create(KeyOf(1), null, 1, 1), isOperatorNamed: false));
    }

    [Fact]
    [Trait("Threat", "T03")]
    public void No_inbound_node_enters_before_the_table_has_initialized()
    {
        NodeTable table = CreateTable(isInitialized: false);
        Assert.Equal(TableAddResult.NotInitialized, table.AddInbound(Start, NodeOf(1)));
        Assert.Equal(TableAddResult.Added, table.AddFound(Start, NodeOf(2), Sender));
        // Not even as news of a node that is known.
        Assert.Equal(TableAddResult.NotInitialized, table.AddInbound(Start, NodeOf(2, "9.9.9.9")));
        Assert.Equal(1, table.Count);

        table.MarkInitialized();
        Assert.Equal(TableAddResult.Added, table.AddInbound(Start, NodeOf(1)));
    }

    [Theory]
    [Trait("Threat", "T18")]
    [InlineData("0.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("169.254.1.1")]
    [InlineData("192.0.0.5")]
    [InlineData("192.0.2.1")]
    [InlineData("198.18.0.1")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.1")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("2001:db8::1")]
    [InlineData("ff02::1")]
    [InlineData("fe80::1")]
    [InlineData("64:ff9b::1")]
    public void A_special_address_is_stored_only_if_the_operator_named_it(string address)
    {
        NodeTable table = CreateTable();
        Node node = NodeOf(1, address);
        Assert.Equal(TableAddResult.AddressNotAllowed, table.AddFound(Start, node, Sender));
        Assert.Equal(TableAddResult.AddressNotAllowed, table.AddFound(Start, node, IPAddress.Loopback));
        Assert.Equal(TableAddResult.AddressNotAllowed, table.AddInbound(Start, node));
        Assert.Equal(TableAddResult.AddressNotAllowed, table.AddSeed(Start, node, isOperatorNamed: false));
        Assert.Equal(0, table.Count);
        Assert.Equal(TableAddResult.Added, table.AddSeed(Start, node, isOperatorNamed: true));
    }

    [Theory]
    [Trait("Threat", "T18")]
    [InlineData("10.0.0.1", "81.2.3.4", false)]
    [InlineData("10.0.0.1", "192.168.0.1", true)]
    [InlineData("127.0.0.1", "192.168.0.1", false)]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("fd00::1", "2a00::1", false)]
    [InlineData("fd00::1", "fd00::2", true)]
    public void Local_addresses_are_stored_from_local_senders_only(string address, string sender, bool isStored)
    {
        NodeTable table = CreateTable();
        TableAddResult expected = isStored ? TableAddResult.Added : TableAddResult.AddressNotAllowed;
        Assert.Equal(expected, table.AddFound(Start, NodeOf(1, address), IPAddress.Parse(sender)));
        // A seed from the database proved that address once, an inbound node proves it now.
        Assert.Equal(TableAddResult.Added, table.AddSeed(Start, NodeOf(2, address), isOperatorNamed: false));
        Assert.Equal(TableAddResult.Added, table.AddInbound(Start, NodeOf(3, address)));
    }

    [Fact]
    public void Only_allowed_networks_are_stored()
    {
        var table = new NodeTable(IdOf(0), new SeededRandomSource(0), NetList.Parse("60.0.0.0/8"));
        Assert.Equal(TableAddResult.Added, table.AddFound(Start, NodeOf(1, "60.1.1.1"), Sender));
        Assert.Equal(TableAddResult.AddressNotAllowed, table.AddFound(Start, NodeOf(2, "61.1.1.1"), Sender));
        Assert.Equal(TableAddResult.AddressNotAllowed, table.AddSeed(Start, NodeOf(2, "61.1.1.1"), isOperatorNamed: true));
    }

    [Fact]
    public void A_full_bucket_keeps_the_ten_newest_replacements()
    {
        NodeTable table = CreateTable();
        List<int> numbers = [.. InBucket(table, 16).Take(40)];
        foreach ((int place, int number) in numbers.Index())
        {
            Assert.Equal(place < 16 ? TableAddResult.Added : TableAddResult.AddedAsReplacement, table.AddFound(Start, NodeOf(number), Sender));
        }

        Assert.Equal(numbers[..16].Select(IdOf), table.GetEntries(16).ToArray().Select(e => e.Node.Id));
        Assert.Equal(numbers[30..].Select(IdOf), table.GetReplacements(16).ToArray().Select(e => e.Node.Id));
        Assert.Equal(16, table.Count);
        Assert.Equal(16, table.Drain().Count);
        Assert.False(table.TryGet(IdOf(numbers[39]), out _));
        Assert.Equal(TableAddResult.Known, table.AddFound(Start, NodeOf(numbers[39]), Sender));

        // Its network is free again: it was pushed out.
        Assert.Equal(TableAddResult.AddedAsReplacement, table.AddFound(Start, NodeOf(numbers[16]), Sender));
    }

    [Fact]
    public void A_random_replacement_takes_the_place_of_a_removed_entry()
    {
        var chosen = new HashSet<NodeId>();
        for (int seed = 0; seed < 200; seed++)
        {
            NodeTable table = CreateTable(seed);
            List<int> numbers = [.. InBucket(table, 16).Take(26)];
            numbers.ForEach(n => table.AddFound(Start, NodeOf(n), Sender));
            table.Drain();
            Timestamp later = Start + TimeSpan.FromSeconds(9);
            Assert.True(table.Remove(later, IdOf(numbers[3])));

            List<TableOutput> outputs = table.Drain();
            Assert.Equal([TableOutputKind.NodeRemoved, TableOutputKind.NodeAdded], outputs.Select(o => o.Kind));
            Assert.Equal(IdOf(numbers[3]), outputs[0].Node.Id);
            Assert.False(outputs[0].Entry.IsInBucket);
            Assert.Contains(outputs[1].Node.Id, numbers[16..].Select(IdOf));
            Assert.Equal((Start.Monotonic, later.Monotonic), (outputs[1].Entry.AddedToTable, outputs[1].Entry.AddedToBucket));
            Assert.Equal(outputs[1].Node.Id, table.GetEntries(16)[15].Node.Id);
            Assert.Equal(9, table.GetReplacements(16).Length);
            chosen.Add(outputs[1].Node.Id);
        }

        Assert.Equal(10, chosen.Count);
    }

    [Fact]
    public void Removing_what_is_not_there_says_so()
    {
        NodeTable table = CreateTable();
        Assert.False(table.Remove(Start, IdOf(1)));
        table.AddFound(Start, NodeOf(1), Sender);
        Assert.True(table.Remove(Start, IdOf(1)));
        Assert.False(table.Remove(Start, IdOf(1)));
        Assert.Null(table.NextTimeout);
    }

    [Fact]
    public void Five_useless_answers_in_a_row_drop_a_node()
    {
        NodeTable table = CreateTable();
        List<int> numbers = [.. InBucket(table, 16).Take(4)];
        numbers.ForEach(n => table.AddFound(Start, NodeOf(n), Sender));
        NodeId id = IdOf(numbers[0]);
        Repeat(4, () => table.QueryEnded(Start, id, isUseful: false));
        table.QueryEnded(Start, id, isUseful: true);
        Repeat(4, () => table.QueryEnded(Start, id, isUseful: false));
        Assert.True(table.TryGet(id, out TableEntry? entry));
        Assert.Equal(4, entry.FailedQueries);
        table.QueryEnded(Start, id, isUseful: false);
        Assert.False(table.TryGet(id, out _));
    }

    [Fact]
    public void A_small_bucket_keeps_useless_nodes_until_it_has_others()
    {
        NodeTable table = CreateTable();
        List<int> numbers = [.. InBucket(table, 16).Take(4)];
        numbers[..3].ForEach(n => table.AddFound(Start, NodeOf(n), Sender));
        NodeId id = IdOf(numbers[0]);
        Repeat(20, () => table.QueryEnded(Start, id, isUseful: false));
        Assert.True(table.TryGet(id, out _));
        table.AddFound(Start, NodeOf(numbers[3]), Sender);
        table.QueryEnded(Start, id, isUseful: false);
        Assert.False(table.TryGet(id, out _));
        table.QueryEnded(Start, id, isUseful: false);
    }

    [Fact]
    public void A_record_is_replaced_by_a_newer_one_only()
    {
        NodeTable table = CreateTable();
        PrivateKey key = PrivateKeyOf(1);
        NodeId id = key.PublicKey.NodeId;
        table.AddFound(Start, Signed(key, 5, "8.8.8.8"), Sender);
        Assert.Equal(TableAddResult.Known, table.AddFound(Start, Signed(key, 4, "9.9.9.9"), Sender));
        Assert.Equal(TableAddResult.Known, table.AddFound(Start, Signed(key, 5, "9.9.9.9"), Sender));
        Assert.Equal(TableAddResult.Known, table.AddSeed(Start, Node.Create(key.PublicKey, AddressOf(1), 1, 1), isOperatorNamed: true));
        Assert.Equal(TableAddResult.Updated, table.AddFound(Start, Signed(key, 6, "8.8.8.8"), Sender));
        Assert.True(table.TryGet(id, out TableEntry? entry));
        Assert.Equal(6u, entry.Node.Sequence);
        Assert.Equal(TableAddResult.Updated, table.AddFound(Start, Signed(key, 7, "9.9.9.9"), Sender));
        Assert.Equal(IPAddress.Parse("9.9.9.9"), entry.Node.Address);
        // The record says where the node would be if that were allowed.
        Assert.Equal(TableAddResult.Known, table.AddFound(Start, Signed(key, 8, "192.0.2.1"), Sender));
        Assert.Equal(TableAddResult.Known, table.AddFound(Start, Signed(key, 8, "10.0.0.1"), Sender));
        Assert.Equal(7u, entry.Node.Sequence);
        Assert.Equal(TableOutputKind.NodeAdded, Assert.Single(table.Drain()).Kind);
    }

    [Fact]
    public void A_found_node_without_a_record_moves_nobody()
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        Assert.Equal(TableAddResult.Known, table.AddFound(Start, NodeOf(1, "9.9.9.9"), Sender));
        Assert.Equal(AddressOf(1), Assert.Single(table.GetNodes()).Address);
    }

    [Fact]
    public void A_node_may_move_itself()
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        Assert.Equal(TableAddResult.Updated, table.AddInbound(Start, NodeOf(1, "9.9.9.9")));
        Assert.Equal(TableAddResult.Known, table.AddInbound(Start, NodeOf(1, "9.9.9.9")));
        Assert.Equal(TableAddResult.Known, table.AddInbound(Start, NodeOf(1, "192.0.2.1")));
        Assert.Equal(TableAddResult.Updated, table.AddInbound(Start, Node.Create(KeyOf(1), IPAddress.Parse("9.9.9.9"), 7, 30303)));
        Node node = Assert.Single(table.GetNodes());
        Assert.Equal((IPAddress.Parse("9.9.9.9"), 7), (node.Address, node.TcpPort));
    }

    [Fact]
    public void A_packet_without_a_record_does_not_take_away_the_record()
    {
        NodeTable table = CreateTable();
        PrivateKey key = PrivateKeyOf(1);
        table.AddFound(Start, Signed(key, 5, "8.8.8.8"), Sender);
        Assert.Equal(TableAddResult.Known, table.AddInbound(Start, Node.Create(key.PublicKey, IPAddress.Parse("8.8.8.8"), 7, 30303)));
        Assert.Equal(5u, Assert.Single(table.GetNodes()).Sequence);
        // From another endpoint it does: the record is wrong about that.
        Assert.Equal(TableAddResult.Updated, table.AddInbound(Start, Node.Create(key.PublicKey, IPAddress.Parse("8.8.8.8"), 7, 7)));
        Assert.Equal(0u, Assert.Single(table.GetNodes()).Sequence);
    }

    [Fact]
    [Trait("Threat", "T18")]
    public void What_the_operator_named_may_renew_its_record_where_it_is()
    {
        NodeTable table = CreateTable();
        PrivateKey key = PrivateKeyOf(1);
        table.AddSeed(Start, Signed(key, 1, "100.64.0.1"), isOperatorNamed: true);
        Assert.Equal(TableAddResult.Updated, table.AddFound(Start, Signed(key, 2, "100.64.0.1"), Sender));
        Assert.Equal(TableAddResult.Known, table.AddFound(Start, Signed(key, 3, "100.64.0.2"), Sender));
    }

    [Fact]
    [Trait("Threat", "T01")]
    public void Who_moves_counts_in_the_new_network()
    {
        NodeTable table = CreateTable();
        List<int> numbers = [.. InBucket(table, 16).Take(4)];
        table.AddFound(Start, NodeOf(numbers[0], "8.8.8.1"), Sender);
        table.AddFound(Start, NodeOf(numbers[1], "8.8.8.2"), Sender);
        table.AddFound(Start, NodeOf(numbers[2], "9.9.9.1"), Sender);
        Assert.Equal(TableAddResult.NetworkLimit, table.AddFound(Start, NodeOf(numbers[3], "8.8.8.3"), Sender));
        Assert.Equal(TableAddResult.Known, table.AddInbound(Start, NodeOf(numbers[2], "8.8.8.3")));
        Assert.Equal(TableAddResult.Updated, table.AddInbound(Start, NodeOf(numbers[0], "9.9.9.2")));
        Assert.Equal(TableAddResult.Updated, table.AddInbound(Start, NodeOf(numbers[1], "8.8.8.1")));
        Assert.Equal(TableAddResult.Added, table.AddFound(Start, NodeOf(numbers[3], "8.8.8.3"), Sender));
        Assert.Equal(TableAddResult.Known, table.AddInbound(Start, NodeOf(numbers[0], "8.8.8.4")));
        Assert.Equal(TableAddResult.Known, table.AddInbound(Start, NodeOf(numbers[1], "9.9.9.4")));
    }

    [Fact]
    public void Answers_prefer_live_nodes_unless_there_are_none()
    {
        NodeTable table = CreateTable();
        for (int i = 0; i < 100; i++)
        {
            table.AddFound(Start, NodeOf(i), Sender);
        }

        Node[] closest = new Node[16];
        Assert.Equal(16, table.GetClosest(IdOf(7), preferLive: true, closest));
        table.Run(Start, TimeSpan.FromSeconds(6), _ => true);
        List<Node> live = [.. table.GetNodes().Where(n => table.TryGet(n.Id, out TableEntry? e) && e.IsLive)];
        Assert.InRange(live.Count, 1, 15);
        int count = table.GetClosest(IdOf(7), preferLive: true, closest);
        Assert.Equal(live.OrderBy(n => Xor(n.Id, IdOf(7))), closest[..count]);
        Assert.Equal(live.Count, table.GetRandom(liveOnly: true, closest));
        Assert.Equal(16, table.GetClosest(IdOf(7), preferLive: false, closest));
    }

    [Fact]
    public void Queries_allocate_nothing()
    {
        NodeTable table = CreateTable();
        for (int i = 0; i < 500; i++)
        {
            table.AddFound(Start, NodeOf(i), Sender);
        }

        Node[] nodes = new Node[16];
        NodeId target = IdOf(7);
        Node known = table.GetNodes()[3];
        Query();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Query();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Query()
        {
            table.GetClosest(target, preferLive: true, nodes);
            table.GetRandom(liveOnly: false, nodes);
            table.AddFound(Start, known, Sender);
            table.QueryEnded(Start, target, isUseful: true);
        }
    }

    [Fact]
    [Trait("Threat", "T02")]
    public void Random_nodes_come_from_all_of_the_table()
    {
        NodeTable table = CreateTable();
        for (int i = 0; i < 300; i++)
        {
            table.AddFound(Start, NodeOf(i), Sender);
        }

        var drawn = new Dictionary<NodeId, int>();
        Node[] nodes = new Node[16];
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(16, table.GetRandom(liveOnly: false, nodes));
            foreach (Node node in nodes)
            {
                drawn[node.Id] = drawn.GetValueOrDefault(node.Id) + 1;
            }
        }

        // The standard deviation is about the root of what is expected.
        double expected = 16_000.0 / table.Count;
        Assert.Equal(table.Count, drawn.Count);
        Assert.All(drawn.Values, count => Assert.InRange(count, expected - (6 * Math.Sqrt(expected)), expected + (6 * Math.Sqrt(expected))));
    }

    private static (TableOutputKind Kind, TableEntry Entry, Node Node) Deconstruct(TableOutput output) => (output.Kind, output.Entry, output.Node);

    private static void Repeat(int count, Action action)
    {
        for (int i = 0; i < count; i++)
        {
            action();
        }
    }
}
