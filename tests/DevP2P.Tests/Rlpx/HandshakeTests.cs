using CsCheck;
using DevP2P.Crypto;
using DevP2P.Rlpx;
using DevP2P.Tests.Crypto;
using Xunit;

namespace DevP2P.Tests.Rlpx;

public sealed class HandshakeTests
{
    private static readonly PrivateKey KeyA = PrivateKey.ParseHex(Eip8Vectors.StaticKeyA);
    private static readonly PrivateKey KeyB = PrivateKey.ParseHex(Eip8Vectors.StaticKeyB);

    [Theory]
    [InlineData(Eip8Vectors.Auth1)]
    [InlineData(Eip8Vectors.Auth2)]
    [InlineData(Eip8Vectors.Auth3)]
    public void Recipient_accepts_every_auth_of_EIP_8(string auth)
    {
        Handshake handshake = Handshake.Accept(KeyB, Scripted(Eip8Vectors.EphemeralKeyB, Eip8Vectors.NonceB));

        Assert.Equal(HandshakeStatus.Done, handshake.Read(Convert.FromHexString(auth), out int consumed));

        Assert.Equal(auth.Length / 2, consumed);
        Assert.Equal(KeyA.PublicKey, handshake.RemoteKey);
        Assert.Equal("80e8632c05fed6fc2a13b0f8d31a3cf645366239170ea067065aba8e28bac487", Convert.ToHexStringLower(handshake.Secrets!.AesSecret));
        Assert.Equal("2ea74ec5dae199227dff1af715362700e989d889d7a493cb0639691efb8e5f98", Convert.ToHexStringLower(handshake.Secrets.MacSecret));
    }

    [Fact]
    public void Ingress_mac_of_the_recipient_is_that_of_EIP_8()
    {
        Handshake handshake = Handshake.Accept(KeyB, Scripted(Eip8Vectors.EphemeralKeyB, Eip8Vectors.NonceB));
        handshake.Read(Convert.FromHexString(Eip8Vectors.Auth2), out _);

        Assert.Equal(
            "0c7ec6340062cc46f5e9f1e3cf86f8c8c403c5a0964f5df0ebd34a75ddc86db5",
            Convert.ToHexStringLower(handshake.Secrets!.GetIngressDigest("foo"u8)));
    }

    [Theory]
    [InlineData(Eip8Vectors.Ack1)]
    [InlineData(Eip8Vectors.Ack2)]
    [InlineData(Eip8Vectors.Ack3)]
    public void Initiator_accepts_every_ack_of_EIP_8(string ack)
    {
        Handshake handshake = Handshake.Initiate(KeyA, KeyB.PublicKey, Scripted(Eip8Vectors.EphemeralKeyA, Eip8Vectors.NonceA), out _);

        Assert.Equal(HandshakeStatus.Done, handshake.Read(Convert.FromHexString(ack), out _));

        Assert.Equal("80e8632c05fed6fc2a13b0f8d31a3cf645366239170ea067065aba8e28bac487", Convert.ToHexStringLower(handshake.Secrets!.AesSecret));
        Assert.Equal("2ea74ec5dae199227dff1af715362700e989d889d7a493cb0639691efb8e5f98", Convert.ToHexStringLower(handshake.Secrets.MacSecret));
    }

    [Fact]
    public void A_plain_auth_is_answered_by_a_plain_ack()
    {
        Handshake handshake = Handshake.Accept(KeyB, new SeededRandomSource(1));
        handshake.Read(Convert.FromHexString(Eip8Vectors.Auth1), out _);

        byte[] plaintext = new byte[handshake.Ack.Length];
        Assert.Equal(210, handshake.Ack.Length);
        Assert.True(Ecies.TryDecrypt(KeyA, handshake.Ack.Span, default, plaintext, out int written));
        Assert.Equal(97, written);
    }

    [Fact]
    public void Both_sides_come_to_the_same_secrets_and_mirrored_macs()
    {
        Gen.Int.Sample(
            seed =>
            {
                Handshake initiator = Handshake.Initiate(KeyA, KeyB.PublicKey, new SeededRandomSource(seed), out ReadOnlyMemory<byte> auth);
                Handshake recipient = Handshake.Accept(KeyB, new SeededRandomSource(~seed));

                // EIP-8 messages are padded past the 307 and 210 bytes that some peers read before they look.
                Assert.InRange(auth.Length, 308, Handshake.MaxMessageSize);
                Assert.Equal(HandshakeStatus.Done, recipient.Read(auth.Span, out int read));
                Assert.Equal(auth.Length, read);
                Assert.InRange(recipient.Ack.Length, 211, Handshake.MaxMessageSize);
                byte[] ackAndFrames = [.. recipient.Ack.Span, 1, 2, 3];
                Assert.Equal(HandshakeStatus.Done, initiator.Read(ackAndFrames, out read));
                Assert.Equal(recipient.Ack.Length, read);
                Assert.Equal(initiator.Secrets!.AesSecret, recipient.Secrets!.AesSecret);

                byte[] frame = new byte[1024];
                int written = initiator.Secrets.CreateEncoder().Encode(16, [0xC0], frame);
                FrameStatus status = recipient.Secrets.CreateDecoder().TryDecode(frame.AsSpan(0, written), out _, out ulong code, out _);
                Assert.Equal(FrameStatus.Frame, status);
                Assert.Equal(16ul, code);
            },
            iter: 20);
    }

    [Fact]
    [Trait("Threat", "T11")]
    public void Every_prefix_asks_for_more_and_no_announced_size_beyond_2_KiB_is_waited_for()
    {
        byte[] auth = Convert.FromHexString(Eip8Vectors.Auth2);
        Handshake handshake = Handshake.Accept(KeyB, new SeededRandomSource(1));
        for (int length = 0; length < auth.Length; length++)
        {
            Assert.Equal(HandshakeStatus.NeedMoreData, handshake.Read(auth.AsSpan(0, length), out _));
        }

        Assert.Equal(HandshakeStatus.Failed, handshake.Read([0x07, 0xFF], out _));
        Assert.Equal(HandshakeStatus.Failed, handshake.Read([0xFF, 0xFF], out _));
        Assert.Equal(HandshakeStatus.Failed, handshake.Read([0x00, 0x10], out _));
    }

    [Fact]
    [Trait("Threat", "T10")]
    public void No_announced_length_from_0_to_2100_escapes_as_an_exception()
    {
        byte[] bytes = new byte[2200];
        new Random(7).NextBytes(bytes);
        for (int size = 0; size <= 2100; size++)
        {
            bytes[0] = (byte)(size >> 8);
            bytes[1] = (byte)size;
            Assert.NotEqual(HandshakeStatus.Done, Handshake.Accept(KeyB, new SeededRandomSource(size)).Read(bytes.AsSpan(0, size + 2), out _));
        }
    }

    [Fact]
    [Trait("Threat", "T09")]
    public void A_flipped_bit_anywhere_fails_without_saying_where()
    {
        byte[] auth = Convert.FromHexString(Eip8Vectors.Auth2);
        Handshake handshake = Handshake.Accept(KeyB, new SeededRandomSource(1));
        for (int i = 2; i < auth.Length; i += 3)
        {
            auth[i] ^= 0x10;
            Assert.Equal(HandshakeStatus.Failed, handshake.Read(auth, out _));
            Assert.Null(handshake.Secrets);
            auth[i] ^= 0x10;
        }
    }

    [Fact]
    [Trait("Threat", "T08")]
    public void An_ephemeral_or_static_key_off_the_curve_is_refused()
    {
        // The attacker encrypts to us correctly, but what it encrypts is an ack whose key is no point.
        byte[] offCurve = new byte[64];
        offCurve[31] = 1;
        offCurve[63] = 1;
        byte[] plain = [.. offCurve, .. new byte[33]];
        byte[] ack = new byte[plain.Length + Ecies.Overhead];
        Ecies.Encrypt(KeyA.PublicKey, plain, default, new SeededRandomSource(3), ack);

        Handshake initiator = Handshake.Initiate(KeyA, KeyB.PublicKey, new SeededRandomSource(4), out _);
        Assert.Equal(HandshakeStatus.Failed, initiator.Read(ack, out _));

        byte[] auth = new byte[194];
        offCurve.CopyTo(auth.AsSpan(97));
        byte[] sealedAuth = new byte[auth.Length + Ecies.Overhead];
        Ecies.Encrypt(KeyB.PublicKey, auth, default, new SeededRandomSource(5), sealedAuth);
        Assert.Equal(HandshakeStatus.Failed, Handshake.Accept(KeyB, new SeededRandomSource(6)).Read(sealedAuth, out _));
    }

    [Fact]
    [Trait("Threat", "T11")]
    public void Recipient_makes_no_key_before_a_good_auth_is_here()
    {
        byte[] auth = Convert.FromHexString(Eip8Vectors.Auth2);
        var random = new CountingRandom();
        Handshake handshake = Handshake.Accept(KeyB, random);
        auth[^1] ^= 1;
        Assert.Equal(HandshakeStatus.Failed, handshake.Read(auth, out _));
        Assert.Equal(0, random.Count);

        auth[^1] ^= 1;
        Assert.Equal(HandshakeStatus.Done, handshake.Read(auth, out _));
        Assert.NotEqual(0, random.Count);
    }

    /// <summary>Gives the ephemeral key and nonce of a vector first, then anything.</summary>
    private static ScriptedRandom Scripted(string ephemeralKey, string nonce) => new(Convert.FromHexString(ephemeralKey + nonce));

    private sealed class CountingRandom : RandomSource
    {
        private readonly SeededRandomSource _source = new(1);

        public int Count { get; private set; }

        public override void Fill(Span<byte> destination)
        {
            Count++;
            _source.Fill(destination);
        }
    }

    private sealed class ScriptedRandom(byte[] script) : RandomSource
    {
        private readonly SeededRandomSource _rest = new(0);
        private int _position;

        public override void Fill(Span<byte> destination)
        {
            if (_position < script.Length)
            {
                script.AsSpan(_position, destination.Length).CopyTo(destination);
                _position += destination.Length;
            }
            else
            {
                _rest.Fill(destination);
            }
        }
    }
}
