using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.LegacyV5;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

public sealed class RemotesTests
{
    private readonly SeededRandomSource _random = new(3);
    private readonly Remotes _remotes = new();
    private PublicKey? _key;

    [Fact]
    [Trait("Threat", "T01")]
    public void T01_the_owner_of_one_network_cannot_push_out_the_others()
    {
        Remote honest = Prove(TimeSpan.Zero, new IPEndPoint(IPAddress.Parse("52.1.1.1"), 30303));

        for (int i = 0; i < 1000; i++)
        {
            Prove(TimeSpan.FromSeconds(1 + i), new IPEndPoint(IPAddress.Parse($"52.2.2.{i % 256}"), 1025 + i));
        }

        Assert.Same(honest, _remotes.Find(honest.Key));
        Assert.Equal(1 + LegacyLimits.MaxRemotesPerNetwork, _remotes.ProvenCount);
        Assert.Equal(_remotes.ProvenCount, _remotes.Count);
        Assert.True(_remotes.HasProven(CompactEndPoint.From(IPAddress.Parse($"52.2.2.{999 % 256}"), 1025 + 999)));
        Assert.False(_remotes.HasProven(CompactEndPoint.From(IPAddress.Parse("52.2.2.0"), 1025)));
    }

    [Fact]
    public void There_are_never_more_than_the_limit_and_the_longest_silent_go_but_none_that_is_busy()
    {
        Remote busy = Prove(TimeSpan.Zero, EndPoint(0));
        busy.Waiters.Add((_, _) => { });
        for (int i = 1; i <= LegacyLimits.MaxRemotes + 10; i++)
        {
            Prove(TimeSpan.FromSeconds(i), EndPoint(i));
            Assert.InRange(_remotes.ProvenCount, 1, LegacyLimits.MaxRemotes);
        }

        Assert.Same(busy, _remotes.Find(busy.Key));
        Assert.False(_remotes.HasProven(CompactEndPoint.From(EndPoint(1))));
        Assert.True(_remotes.HasProven(CompactEndPoint.From(EndPoint(LegacyLimits.MaxRemotes))));
    }

    [Fact]
    public void Who_has_proved_nothing_is_forgotten_when_nothing_is_under_way()
    {
        var remote = new Remote(Node.Create(PrivateKey.Generate(_random).PublicKey, IPAddress.Loopback, 1, 1025), EndPoint(1));
        _remotes.Add(remote);
        remote.Ping = new PendingPing([]);
        _remotes.Release(remote);
        Assert.Equal(1, _remotes.Count);

        remote.Ping = null;
        _remotes.Release(remote);

        Assert.Equal(0, _remotes.Count);
    }

    private Remote Prove(TimeSpan now, IPEndPoint at)
    {
        // One key serves: at different endpoints it is different remotes.
        _key ??= PrivateKey.Generate(_random).PublicKey;
        var remote = new Remote(Node.Create(_key, at.Address, at.Port, at.Port), at);
        _remotes.Add(remote);
        _remotes.AddProof(now, remote);
        return remote;
    }

    private static IPEndPoint EndPoint(int i) => new(new IPAddress([52, (byte)(i >> 8), (byte)i, 1]), 30303);
}
