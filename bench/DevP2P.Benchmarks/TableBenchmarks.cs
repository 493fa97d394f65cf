using System.Net;
using BenchmarkDotNet.Attributes;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;

namespace DevP2P.Benchmarks;

/// <summary>What the node table costs: nodes are offered to it with every answer, and it is asked with every question.</summary>
[MemoryDiagnoser]
public class TableBenchmarks
{
    private const int Nodes = 4096;

    private static readonly Timestamp s_now = new(TimeSpan.FromHours(1), DateTimeOffset.UnixEpoch);
    private static readonly IPAddress s_sender = IPAddress.Parse("81.2.3.4");

    private readonly Node[] _nodes = new Node[Nodes];
    private readonly Node[] _closest = new Node[Bucket.Capacity];
    private readonly Contacts _contacts = new();
    private NodeTable _full = null!;
    private NodeId[] _targets = [];
    private int _next;

    [GlobalSetup]
    public void Setup()
    {
        for (int i = 0; i < Nodes; i++)
        {
            _nodes[i] = Node.Create(MakeKey(i), new IPAddress([60, (byte)(i >> 8), (byte)i, 7]), 30303, 30303);
            _contacts.AddProof(s_now.Monotonic, new ContactKey(_nodes[i].Id, _nodes[i].Address!));
        }

        _full = Fill();
        _targets = [.. Enumerable.Range(Nodes, 256).Select(i => MakeKey(i).NodeId)];
    }

    /// <summary>An empty table is offered as many nodes as 256 answers name; most buckets overflow.</summary>
    [Benchmark(OperationsPerInvoke = Nodes)]
    public object Add() => Fill();

    /// <summary>A full table is offered what it knows or has no room for.</summary>
    [Benchmark]
    public object AddAgain() => _full.AddFound(s_now, _nodes[_next++ % Nodes], s_sender);

    [Benchmark]
    public int GetClosest() => _full.GetClosest(_targets[_next++ % _targets.Length], preferLive: false, _closest);

    [Benchmark]
    public object? FindContact()
    {
        Node node = _nodes[_next++ % Nodes];
        return _contacts.Find(new ContactKey(node.Id, node.Address!));
    }

    private NodeTable Fill()
    {
        var table = new NodeTable(MakeKey(-1).NodeId, RandomSource.System);
        foreach (Node node in _nodes)
        {
            table.AddFound(s_now, node, s_sender);
        }

        while (table.TryDequeue(out _))
        {
        }

        return table;
    }

    /// <summary>A key that nobody has: nothing is signed here.</summary>
    private static PublicKey MakeKey(int number)
    {
        byte[] xy = new byte[64];
        BitConverter.TryWriteBytes(xy, number);
        return PublicKey.FromValidated(xy);
    }
}
