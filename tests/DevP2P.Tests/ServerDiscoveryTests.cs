using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests;

public sealed class ServerDiscoveryTests
{
    [Fact]
    public async Task Nodes_that_know_only_one_bootnode_find_and_dial_each_other()
    {
        await using Server bootnode = await TestNet.StartAsync(Options());
        Server[] servers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => TestNet.StartAsync(Options(bootnode.Self))));
        try
        {
            await TestNet.UntilAsync(
                () => servers.All(s => s.Peers.Count(p => p.Id != bootnode.Self.Id) >= 2), "each has two peers that it was not told of");
            Assert.Contains(servers, s => s.Peers.Any(p => p.IsDynamicDialed));
            NodeInfo info = servers[0].GetNodeInfo();
            Assert.Equal(servers[0].DiscoveryV4!.LocalEndPoint!.Port, info.Ports.Discovery);
            Assert.Equal(servers[0].Self.Id, NodeRecord.Parse(info.Enr).NodeId);
        }
        finally
        {
            await Task.WhenAll(servers.Select(s => s.StopAsync())).WithinDeadline();
        }
    }

    [Fact]
    public async Task A_static_node_without_an_address_is_found()
    {
        await using Server bootnode = await TestNet.StartAsync(Options());
        await using Server wanted = await TestNet.StartAsync(Options(bootnode.Self) with { NoDial = true });
        await using Server server = await TestNet.StartAsync(Options(bootnode.Self) with { DialRatio = 25 });
        await TestNet.UntilAsync(() => bootnode.DiscoveryV4!.NodeCount == 2, "the bootnode knows both");

        DialAttempt attempt = await server.AddPeerAsync(Node.Create(wanted.Self.PublicKey, null, 0, 0)).WithinDeadline();

        Assert.True(attempt.Succeeded || attempt.Reason == "already connected", attempt.Reason);
        await TestNet.UntilAsync(() => server.Peers.Any(p => p.Id == wanted.Self.Id), "it is connected");
    }

    [Fact]
    public async Task The_records_sequence_number_and_known_nodes_survive_a_restart()
    {
        string file = Path.Combine(Path.GetTempPath(), $"devp2p-{Guid.NewGuid():N}.db");
        PrivateKey key = PrivateKey.Generate();
        try
        {
            await using Server other = await TestNet.StartAsync(Options());
            string address;
            NodeRecord record;
            await using (Server first = await TestNet.StartAsync(Options(other.Self) with { PrivateKey = key, NodeDatabase = file }))
            {
                await TestNet.UntilAsync(() => other.DiscoveryV4!.NodeCount == 1, "they know each other");
                record = first.Self.Record!;
                address = first.ListenEndPoints[0].ToString();
            }

            await using Server second = await TestNet.StartAsync(
                Options() with { PrivateKey = key, NodeDatabase = file, ListenAddress = address });
            Assert.Equal(record, second.Self.Record);
        }
        finally
        {
            foreach (string path in Directory.GetFiles(Path.GetTempPath(), Path.GetFileName(file) + "*"))
            {
                File.Delete(path);
            }
        }
    }

    [Fact]
    [Trait("Threat", "T03")]
    public async Task Nodes_that_proved_useful_in_an_earlier_run_are_dialed_whatever_discovery_says()
    {
        string file = Path.Combine(Path.GetTempPath(), $"devp2p-{Guid.NewGuid():N}.db");
        try
        {
            await using Server useful = await TestNet.StartAsync(TestNet.Options());
            await using (NodeDatabase database = NodeDatabase.Open(file))
            {
                database.RecordNode(useful.Self);
                database.RecordUseful(useful.Self.Id);
            }

            await using Server server = await TestNet.StartAsync(Options() with { NodeDatabase = file });
            await TestNet.UntilAsync(() => server.Peers.Any(p => p.Id == useful.Self.Id), "the useful node is a peer");
        }
        finally
        {
            foreach (string path in Directory.GetFiles(Path.GetTempPath(), Path.GetFileName(file) + "*"))
            {
                File.Delete(path);
            }
        }
    }

    [Fact]
    public async Task Without_discovery_there_is_none()
    {
        await using Server server = await TestNet.StartAsync();
        Assert.Null(server.DiscoveryV4);
        Assert.Equal(0, server.GetNodeInfo().Ports.Discovery);
    }

    private static ServerOptions Options(params Node[] bootstrap) =>
        TestNet.Options() with { NoDiscovery = false, DiscoveryV4 = true, BootstrapNodes = bootstrap };
}
