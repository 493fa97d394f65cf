using DevP2P.Crypto;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Crypto.Curve;

namespace DevP2P.Tests.Crypto;

public class KeyTests
{
    private const string KeyHex = Eip8Vectors.StaticKeyB;
    private static readonly PrivateKey Key = PrivateKey.ParseHex(KeyHex);

    public static TheoryData<Implementation> Implementations => Curve.Implementations;

    [Theory]
    [InlineData(KeyHex)]
    [InlineData("0x" + KeyHex)]
    [InlineData("0X" + KeyHex)]
    [InlineData("  " + KeyHex + "\r\n")]
    public void A_private_key_is_read_as_key_files_have_it(string text)
    {
        PrivateKey key = PrivateKey.ParseHex(text);
        Assert.Equal(KeyHex, key.ExportHex());
        Assert.Equal(Key.PublicKey, key.PublicKey);
        Assert.Equal(KeyHex, PrivateKey.Parse(Hex(KeyHex)).ExportHex());
    }

    [Theory]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData(Zero)]
    [InlineData(N)]
    [InlineData(P)]
    [InlineData("71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291")]
    [InlineData(KeyHex + "0")]
    [InlineData(KeyHex + "00")]
    [InlineData("x71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f2910")]
    public void What_is_no_private_key_is_refused_without_being_repeated(string text)
    {
        FormatException error = Assert.Throws<FormatException>(() => PrivateKey.ParseHex(text));
        Assert.True(text.Length < 10 || !error.Message.Contains(text, StringComparison.OrdinalIgnoreCase));
        Assert.False(PrivateKey.TryParse(System.Text.Encoding.ASCII.GetBytes(text), out _));
    }

    [Fact]
    public void A_private_key_shows_nothing_of_itself()
    {
        Assert.Equal($"PrivateKey({Key.PublicKey.NodeId.ToShortString()}…)", Key.ToString());
        Assert.DoesNotContain(KeyHex[..8], Key.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Generated_keys_differ_and_come_from_the_random_source()
    {
        Assert.NotEqual(PrivateKey.Generate().ExportHex(), PrivateKey.Generate().ExportHex());
        Assert.Equal(
            PrivateKey.Generate(new SeededRandomSource(1)).ExportHex(), PrivateKey.Generate(new SeededRandomSource(1)).ExportHex());
    }

    [Fact]
    public void Random_bytes_that_are_no_key_are_drawn_again()
    {
        var random = new QueueSource(Hex(Zero), Hex(N), Hex(new string('f', 64)), Hex(One));
        Assert.Equal(One, PrivateKey.Generate(random).ExportHex());
    }

    [Fact]
    public void A_public_key_is_read_in_three_forms_and_identifies_its_node()
    {
        byte[] xy = Key.PublicKey.Bytes.ToArray(), compressed = Key.PublicKey.ToCompressed();
        Assert.Equal(33, compressed.Length);
        foreach (byte[] form in new byte[][] { xy, [4, .. xy], compressed })
        {
            PublicKey key = PublicKey.Parse(form);
            Assert.Equal(Key.PublicKey, key);
            Assert.Equal(Key.PublicKey.GetHashCode(), key.GetHashCode());
            Assert.Equal(Convert.ToHexStringLower(xy), key.ToString());
            Assert.Equal(compressed, key.ToCompressed());
        }

        var hash = new byte[32];
        Keccak256.Hash(xy, hash);
        Assert.Equal(new NodeId(hash), Key.PublicKey.NodeId);
        Assert.NotEqual(Key.PublicKey, PrivateKey.ParseHex(One).PublicKey);
        Assert.False(Key.PublicKey.Equals(null));
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    [Trait("Threat", "T08")]
    public void What_is_no_point_is_refused_wherever_a_key_arrives(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        foreach ((string what, string xy) in Curve.InvalidPoints.Select(row => row.Data))
        {
            byte[] point = Hex(xy);
            Assert.False(curve.TryParsePublicKey(point, new byte[64]), what);
            Assert.False(curve.TryParsePublicKey([4, .. point], new byte[64]), what);
            Assert.False(curve.TryEcdh(Key.Bytes, point, new byte[32]), what);
            Assert.False(curve.Verify(new byte[32], Sign(curve, new byte[32], Hex(KeyHex)).AsSpan(0, 64), point), what);
            Assert.False(PublicKey.TryParse(point, out _), what);
            Assert.False(PublicKey.TryParse([4, .. point], out _), what);
            Assert.Throws<FormatException>(() => PublicKey.Parse(point));
        }
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    [Trait("Threat", "T08")]
    public void What_is_no_compressed_point_is_refused(Implementation implementation)
    {
        const string XOffCurve = "0000000000000000000000000000000000000000000000000000000000000005";
        foreach (string x in new[] { XOffCurve, Zero, P, PPlusOne, new string('f', 64) })
        {
            foreach (string prefix in new[] { "02", "03" })
            {
                Assert.False(Get(implementation).TryParsePublicKey(Hex(prefix + x), new byte[64]), prefix + x);
                Assert.False(PublicKey.TryParse(Hex(prefix + x), out _), prefix + x);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    [Trait("Threat", "T08")]
    public void The_point_at_infinity_other_prefixes_and_other_lengths_are_refused(Implementation implementation)
    {
        Secp256k1 curve = Get(implementation);
        byte[] xy = Key.PublicKey.Bytes.ToArray();
        Assert.False(curve.TryParsePublicKey([0], new byte[64]), "infinity as SEC 1 writes it");
        for (int prefix = 0; prefix <= 0xff; prefix++)
        {
            Assert.Equal(prefix == 4, curve.TryParsePublicKey([(byte)prefix, .. xy], new byte[64]));
            Assert.Equal(prefix is 2 or 3, curve.TryParsePublicKey([(byte)prefix, .. xy[..32]], new byte[64]));
        }

        for (int length = 0; length < 200; length++)
        {
            byte[] bytes = [4, .. xy, .. new byte[200]];
            Assert.Equal(length == 65, curve.TryParsePublicKey(bytes.AsSpan(0, length), new byte[64]));
            Assert.Equal(length == 64, curve.TryParsePublicKey(bytes.AsSpan(1, length), new byte[64]));
            Assert.Equal(length == 64, curve.TryEcdh(Key.Bytes, bytes.AsSpan(1, length), new byte[32]));
        }
    }

    private sealed class QueueSource(params byte[][] draws) : RandomSource
    {
        private readonly Queue<byte[]> _draws = new(draws);

        public override void Fill(Span<byte> destination) => _draws.Dequeue().CopyTo(destination);
    }
}
