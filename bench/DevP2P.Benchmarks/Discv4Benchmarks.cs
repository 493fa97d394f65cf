using System.Net;
using BenchmarkDotNet.Attributes;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;

namespace DevP2P.Benchmarks;

/// <summary>What a discovery v4 packet costs, by the parts in which the pump pays for it.</summary>
[MemoryDiagnoser]
public class Discv4Benchmarks
{
    private readonly byte[] _buffer = new byte[Codec.MaxPacketSize];
    private PacketSigner _sign = null!;
    private Ping _ping = null!;
    private byte[] _datagram = [];
    private byte[] _neighbors = [];

    [GlobalSetup]
    public void Setup()
    {
        PrivateKey key = PrivateKey.Generate();
        _sign = Discv4Options.SignWith(key);
        var endpoint = new Endpoint(IPAddress.Loopback, 30303, 30303);
        _ping = new Ping(Ping.CurrentVersion, endpoint, endpoint, 1_800_000_000, 1_800_000_000_000);
        _datagram = Encode(_ping);
        _neighbors = Encode(new Neighbors([.. Enumerable.Repeat(new Neighbor(endpoint, key.PublicKey.Bytes.ToArray()), 12)], 1_800_000_000));
    }

    [Benchmark]
    public int EncodePing() => Codec.Encode(_ping, _sign, _buffer, out _);

    [Benchmark]
    public object CheckPing() => Codec.Check(_datagram);

    [Benchmark]
    public object CheckNeighbors() => Codec.Check(_neighbors);

    [Benchmark]
    public object ReadPing() => Codec.TryReadContent(_datagram, out Packet? packet) ? packet : this;

    [Benchmark]
    public object ReadNeighbors() => Codec.TryReadContent(_neighbors, out Packet? packet) ? packet : this;

    [Benchmark]
    public object RecoverSender() => Codec.TryRecoverSender(_datagram, out PublicKey? sender) ? sender : this;

    private byte[] Encode(Packet packet) => _buffer[..Codec.Encode(packet, _sign, _buffer, out _)];
}
