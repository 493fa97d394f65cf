using DevP2P.Tests.Docs;
using Discv5Spec;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>The independent decoder against the official vectors (discv5-wire-test-vectors.md, enr.md).</summary>
public sealed class SpecDecoderVectorTests
{
    internal const string Ping = """
        00000000000000000000000000000000088b3d4342774649325f313964a39e55
        ea96c005ad52be8c7560413a7008f16c9e6d2f43bbea8814a546b7409ce783d3
        4c4f53245d08dab84102ed931f66d1492acb308fa1c6715b9d139b81acbdcc
        """;

    internal const string Whoareyou = """
        00000000000000000000000000000000088b3d434277464933a1ccc59f5967ad
        1d6035f15e528627dde75cd68292f9e6c27d6b66c8100a873fcbaed4e16b8d
        """;

    internal const string Handshake = """
        00000000000000000000000000000000088b3d4342774649305f313964a39e55
        ea96c005ad521d8c7560413a7008f16c9e6d2f43bbea8814a546b7409ce783d3
        4c4f53245d08da4bb252012b2cba3f4f374a90a75cff91f142fa9be3e0a5f3ef
        268ccb9065aeecfd67a999e7fdc137e062b2ec4a0eb92947f0d9a74bfbf44dfb
        a776b21301f8b65efd5796706adff216ab862a9186875f9494150c4ae06fa4d1
        f0396c93f215fa4ef524f1eadf5f0f4126b79336671cbcf7a885b1f8bd2a5d83
        9cf8
        """;

    internal const string HandshakeWithRecord = """
        00000000000000000000000000000000088b3d4342774649305f313964a39e55
        ea96c005ad539c8c7560413a7008f16c9e6d2f43bbea8814a546b7409ce783d3
        4c4f53245d08da4bb23698868350aaad22e3ab8dd034f548a1c43cd246be9856
        2fafa0a1fa86d8e7a3b95ae78cc2b988ded6a5b59eb83ad58097252188b902b2
        1481e30e5e285f19735796706adff216ab862a9186875f9494150c4ae06fa4d1
        f0396c93f215fa4ef524e0ed04c3c21e39b1868e1ca8105e585ec17315e755e6
        cfc4dd6cb7fd8e1a1f55e49b4b5eb024221482105346f3c82b15fdaae36a3bb1
        2a494683b4a3c7f2ae41306252fed84785e2bbff3b022812d0882f06978df84a
        80d443972213342d04b9048fc3b1d5fcb1df0f822152eced6da4d3f6df27e70e
        4539717307a0208cd208d65093ccab5aa596a34d7511401987662d8cf62b1394
        71
        """;

    internal const string RecordText =
        "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJ"
        + "c2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8";

    private const string ChallengeStart =
        "000000000000000000000000000000006469736376350001010102030405060708090a0b0c00180102030405060708090a0b0c0d0e0f10";

    internal static readonly byte[] KeyA = Hex("eef77acb6c6a6eebc5b363a475ac583ec7eccdb42b6481424c60f59aa326547f");
    internal static readonly byte[] KeyB = Hex("66fb62bfbd66b9177a138c1e5cddbe4f7c30c343e94e68df8769459cb1cde628");
    internal static readonly byte[] IdA = Hex("aaaa8419e9f49d0083561b48287df592939a8d19947d8c0ef88f2a4856a69fbb");
    internal static readonly byte[] IdB = Hex("bbbb9d047f0488c0b5a93c1c3f2d8bafc7c8ff337024a55434a0d0555de64db9");
    internal static readonly byte[] ChallengeForUnknown = Hex(ChallengeStart + "0000000000000000");
    internal static readonly byte[] ChallengeForKnown = Hex(ChallengeStart + "0000000000000001");
    private static readonly byte[] EphemeralPrivateKey = Hex("0288ef00023598499cb6c940146d050d2b1fb914198c327f76aad590bead68b6");
    private static readonly byte[] EphemeralKey = Hex("039a003ba6517b473fa0cd74aefe99dadfdb34627f90fec6362df85803908f53a5");

    // Of the cryptographic primitives.
    private static readonly byte[] PrimitiveKey = Hex("fb757dc581730490a1d7a00deea65e9b1936924caaea8f44d476014856b68736");
    private static readonly byte[] PrimitiveEphemeralKey = Hex("039961e4c2356d61bedb83052c115d311acb3a96f5777296dcf297351130266231");

    [Fact]
    public void It_names_nothing_of_the_library()
    {
        const string Folder = "tests/DevP2P.Tests/Discovery/V5";
        string[] files = [.. RepositoryFiles.List(Folder, "Spec*.cs").Where(static f => !f.EndsWith("Tests.cs", StringComparison.Ordinal))];

        Assert.Contains("SpecDecoder.cs", files);
        Assert.All(files, file =>
        {
            string text = RepositoryFiles.Read($"{Folder}/{file}");
            // Outside of the library's namespace its types are out of sight unless they are named in full.
            Assert.Contains("namespace Discv5Spec;", text, StringComparison.Ordinal);
            Assert.DoesNotContain(nameof(DevP2P), text, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Node_ids_of_the_keys()
    {
        Assert.Equal(IdA, NodeIdOf(SpecCrypto.PublicKeyOf(KeyA)));
        Assert.Equal(IdB, NodeIdOf(SpecCrypto.PublicKeyOf(KeyB)));
        Assert.Equal(EphemeralKey, SpecCrypto.PublicKeyOf(EphemeralPrivateKey));
    }

    [Fact]
    public void Ping_packet()
    {
        var packet = Decode<SpecOrdinaryPacket>(Ping);

        Assert.Equal(IdA, packet.SourceId);
        Assert.Equal(Hex("ffffffffffffffffffffffff"), packet.Nonce);
        Assert.Equal(new byte[16], packet.MaskingIv);
        SpecPing ping = Assert.IsType<SpecPing>(SpecDecoder.DecryptMessage(packet, new byte[16]).Value);
        Assert.Equal(Hex("00000001"), ping.RequestId);
        Assert.Equal(2UL, ping.RecordSequence);
    }

    [Fact]
    public void Whoareyou_packet()
    {
        var packet = Decode<SpecWhoareyouPacket>(Whoareyou);

        Assert.Equal(Hex("0102030405060708090a0b0c"), packet.Nonce);
        Assert.Equal(Hex("0102030405060708090a0b0c0d0e0f10"), packet.IdNonce);
        Assert.Equal(0UL, packet.RecordSequence);
        Assert.Equal(ChallengeForUnknown, packet.AuthenticatedData);
    }

    [Fact]
    public void Handshake_packet()
    {
        var packet = Decode<SpecHandshakePacket>(Handshake);

        Assert.Equal(IdA, packet.SourceId);
        Assert.Equal(Hex("ffffffffffffffffffffffff"), packet.Nonce);
        Assert.Equal(EphemeralKey, packet.EphemeralKey);
        Assert.Null(packet.Record);
        SpecSession session = Accept(packet, ChallengeForKnown, SpecCrypto.PublicKeyOf(KeyA));
        Assert.Null(session.Record);
        Assert.Equal(Hex("4f9fac6de7567d1e3b1241dffe90f662"), session.Keys.Initiator);
        AssertFirstPing(session.Message);
    }

    [Fact]
    public void Handshake_packet_with_a_record()
    {
        var packet = Decode<SpecHandshakePacket>(HandshakeWithRecord);

        Assert.Equal(IdA, packet.SourceId);
        Assert.Equal(EphemeralKey, packet.EphemeralKey);
        SpecSession session = Accept(packet, ChallengeForUnknown, knownKey: null);
        Assert.NotNull(session.Record);
        Assert.Equal(IdA, session.Record.NodeId);
        Assert.Equal(SpecCrypto.PublicKeyOf(KeyA), session.Record.PublicKey);
        Assert.Equal(1UL, session.Record.Sequence);
        Assert.Equal(Hex("53b1c075f41876423154e157470c2f48"), session.Keys.Initiator);
        AssertFirstPing(session.Message);
    }

    [Fact]
    public void Both_sides_of_the_handshake_derive_the_same_keys()
    {
        SpecSession session = Accept(Decode<SpecHandshakePacket>(Handshake), ChallengeForKnown, SpecCrypto.PublicKeyOf(KeyA));
        SpecKeys? keys = SpecDecoder.DeriveKeys(SpecCrypto.PublicKeyOf(KeyB), EphemeralPrivateKey, ChallengeForKnown, IdA, IdB);

        Assert.NotNull(keys);
        Assert.Equal(session.Keys.Initiator, keys.Initiator);
        Assert.Equal(session.Keys.Recipient, keys.Recipient);
    }

    [Fact]
    public void Ecdh()
    {
        var point = SpecCrypto.DecodePoint(PrimitiveEphemeralKey);

        Assert.NotNull(point);
        Assert.Equal(Hex("033b11a2a1f214567e1537ce5e509ffd9b21373247f2a3ff6841f4976f53165e7e"), SpecCrypto.Ecdh(point, PrimitiveKey));
    }

    [Fact]
    public void Key_derivation()
    {
        byte[] publicKey = Hex("0317931e6e0840220642f230037d285d122bc59063221ef3226b1f403ddc69ca91");

        SpecKeys? keys = SpecDecoder.DeriveKeys(publicKey, PrimitiveKey, ChallengeForUnknown, IdA, IdB);

        Assert.NotNull(keys);
        Assert.Equal(Hex("dccc82d81bd610f4f76d3ebe97a40571"), keys.Initiator);
        Assert.Equal(Hex("ac74bb8773749920b0d3a8881c173ec5"), keys.Recipient);
    }

    [Fact]
    public void Id_signature()
    {
        byte[] signature = Hex("94852a1e2318c4e5e9d422c98eaf19d1d90d876b29cd06ca7cb7546d0fff7b484fe86c09a064fe72bdbef73ba8e9c34df0cd2b53e9d65528c2c7f336d5dfc6e6");
        byte[] publicKey = SpecCrypto.PublicKeyOf(PrimitiveKey);

        Assert.True(SpecDecoder.VerifyIdSignature(signature, ChallengeForUnknown, PrimitiveEphemeralKey, IdB, publicKey));
        Assert.False(SpecDecoder.VerifyIdSignature(Flip(signature), ChallengeForUnknown, PrimitiveEphemeralKey, IdB, publicKey));
        Assert.False(SpecDecoder.VerifyIdSignature(signature, ChallengeForKnown, PrimitiveEphemeralKey, IdB, publicKey));
        Assert.False(SpecDecoder.VerifyIdSignature(signature, ChallengeForUnknown, EphemeralKey, IdB, publicKey));
        Assert.False(SpecDecoder.VerifyIdSignature(signature, ChallengeForUnknown, PrimitiveEphemeralKey, IdA, publicKey));
        Assert.False(SpecDecoder.VerifyIdSignature(signature, ChallengeForUnknown, PrimitiveEphemeralKey, IdB, SpecCrypto.PublicKeyOf(KeyA)));
        Assert.False(SpecDecoder.VerifyIdSignature(new byte[64], ChallengeForUnknown, PrimitiveEphemeralKey, IdB, publicKey));
    }

    [Fact]
    public void Decryption()
    {
        byte[] key = Hex("9f2d77db7004bf8a1a85107ac686990b");
        byte[] nonce = Hex("27b5af763c446acd2749fe8e");
        byte[] additionalData = Hex("93a7400fa0d6a694ebc24d5cf570f65d04215b6ac00757875e3f3a5f42107903");
        byte[] ciphertext = Hex("a5d12a2d94b8ccb3ba55558229867dc13bfa3648");

        Assert.Equal(Hex("01c20101"), SpecCrypto.AesGcmDecrypt(key, nonce, ciphertext, additionalData));
        Assert.Null(SpecCrypto.AesGcmDecrypt(key, nonce, Flip(ciphertext), additionalData));
        Assert.Null(SpecCrypto.AesGcmDecrypt(key, nonce, ciphertext, Flip(additionalData)));
    }

    [Fact]
    public void Node_record()
    {
        SpecRecord? record = SpecRecord.Parse(RecordText).Value;

        Assert.NotNull(record);
        Assert.Equal(Hex("a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7"), record.NodeId);
        Assert.Equal(1UL, record.Sequence);
        Assert.Equal(["id", "ip", "secp256k1", "udp"], record.Pairs.Select(static p => p.Key));
        Assert.Equal("v4"u8.ToArray(), record.Find("id"));
        Assert.Equal(Hex("7f000001"), record.Find("ip"));
        Assert.Equal(Hex("03ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138"), record.PublicKey);
        Assert.Equal(Hex("765f"), record.Find("udp"));
        Assert.Equal(
            SpecCrypto.PublicKeyOf(Hex("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291")), record.PublicKey);
    }

    internal static byte[] Hex(string hex) => Convert.FromHexString(string.Concat(hex.Where(static c => !char.IsWhiteSpace(c))));

    /// <summary>The last bit changed.</summary>
    internal static byte[] Flip(byte[] bytes) => [.. bytes[..^1], (byte)(bytes[^1] ^ 1)];

    internal static TPacket Decode<TPacket>(string hex)
        where TPacket : SpecPacket => Assert.IsType<TPacket>(SpecDecoder.DecodePacket(Hex(hex), IdB).Value);

    private static SpecSession Accept(SpecHandshakePacket packet, byte[] challengeData, byte[]? knownKey)
    {
        SpecResult<SpecSession> result = SpecDecoder.AcceptHandshake(packet, challengeData, IdB, KeyB, knownKey);
        Assert.Null(result.Error);
        return result.Value!;
    }

    private static byte[] NodeIdOf(byte[] publicKey) => SpecCrypto.NodeIdOf(SpecCrypto.DecodePoint(publicKey)!);

    private static void AssertFirstPing(SpecMessage message)
    {
        SpecPing ping = Assert.IsType<SpecPing>(message);
        Assert.Equal(Hex("00000001"), ping.RequestId);
        Assert.Equal(1UL, ping.RecordSequence);
    }
}
