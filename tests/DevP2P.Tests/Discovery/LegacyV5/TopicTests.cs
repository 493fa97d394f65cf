using System.Text;
using DevP2P.Crypto;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

public sealed class TopicTests
{
    [Fact]
    public void The_hash_of_a_list_is_that_of_its_RLP()
    {
        // An empty list, and a list of "a" (a byte that stands for itself) and "LES" (0x83 and three bytes).
        Assert.Equal(Keccak([0xc0]), Topic.HashOf([]));
        Assert.Equal(Keccak([0xc5, (byte)'a', 0x83, .. "LES"u8]), Topic.HashOf([Topic.FromText("a"), Topic.FromText("LES")]));
    }

    [Fact]
    public void A_topic_is_its_bytes()
    {
        byte[] notText = [0xff, 0xfe, 0];
        Assert.True(Topic.TryCreate(notText, out Topic? topic));
        Assert.Equal(notText, topic.Bytes.ToArray());
        Assert.Equal(Keccak(notText), topic.ComputeHash());
        Assert.True(Topic.TryCreate(notText, out Topic? same));
        Assert.Equal(topic, same);
        Assert.Equal(topic.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(topic, Topic.FromText("LES"));
        Assert.Equal("LES@1", Topic.FromText("LES@1").ToString());
    }

    [Fact]
    public void Long_ones_are_refused()
    {
        Assert.True(Topic.TryCreate(new byte[Topic.MaxSize], out _));
        Assert.False(Topic.TryCreate(new byte[Topic.MaxSize + 1], out Topic? none));
        Assert.Null(none);
        Assert.Throws<ArgumentException>(() => Topic.FromText(new string('x', Topic.MaxSize + 1)));
        Assert.Throws<ArgumentException>(() => Topic.FromText(""));
        Assert.Equal(Topic.MaxSize, Encoding.UTF8.GetByteCount(Topic.FromText(new string('x', Topic.MaxSize)).ToString()));
    }

    private static NodeId Keccak(byte[] data)
    {
        byte[] hash = new byte[Keccak256.DigestSize];
        Keccak256.Hash(data, hash);
        return new NodeId(hash);
    }
}
