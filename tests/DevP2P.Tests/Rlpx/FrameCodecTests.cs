using CsCheck;
using DevP2P.Crypto;
using DevP2P.Rlpx;
using DevP2P.Tests.Crypto;
using Xunit;

namespace DevP2P.Tests.Rlpx;

public sealed class FrameCodecTests
{
    private static readonly PrivateKey KeyA = PrivateKey.ParseHex(Eip8Vectors.StaticKeyA);
    private static readonly PrivateKey KeyB = PrivateKey.ParseHex(Eip8Vectors.StaticKeyB);

    [Fact]
    public void Frames_survive_any_split_of_the_bytes()
    {
        // Pieces of a frame that are longer than maxHash are hashed by whoever takes them.
        Gen.Select(Gen.Byte.Array[0, 300].Array[1, 12], Gen.Int[1, 200], Gen.Bool, Gen.Int[0, 300], Gen.Int[0, 1000]).Sample((payloads, piece, snappy, maxHash, seed) =>
        {
            (FrameEncoder encoder, FrameDecoder decoder) = CreatePair(seed);
            encoder.UseSnappy = snappy;
            byte[] stream = Concat(payloads.Select((p, i) => Encode(encoder, (ulong)(i * i * 50), p)));

            List<(ulong, byte[])> decoded = DecodeInPieces(decoder, stream, piece, snappy, maxHash);

            Assert.Equal(payloads.Length, decoded.Count);
            for (int i = 0; i < payloads.Length; i++)
            {
                Assert.Equal((ulong)(i * i * 50), decoded[i].Item1);
                Assert.Equal(payloads[i], decoded[i].Item2);
            }
        });
    }

    [Fact]
    [Trait("Threat", "T15")]
    public void A_flipped_bit_anywhere_ends_the_stream_before_any_plaintext_of_that_frame()
    {
        (FrameEncoder encoder, _) = CreatePair(1);
        byte[] payload = new byte[40];
        byte[] first = Encode(encoder, 1, payload);
        byte[] second = Encode(encoder, 2, payload);
        for (int bit = 0; bit < second.Length * 8; bit++)
        {
            (_, FrameDecoder decoder) = CreatePair(1);
            byte[] stream = [.. first, .. second];
            stream[first.Length + (bit / 8)] ^= (byte)(1 << (bit % 8));

            Assert.Equal(FrameStatus.Frame, decoder.TryDecode(stream, out int consumed, out ulong code, out _));
            Assert.Equal(1ul, code);
            byte[] before = stream[consumed..];
            FrameStatus status = decoder.TryDecode(stream.AsSpan(consumed), out _, out code, out Range data);

            Assert.True(status is FrameStatus.BadHeaderMac or FrameStatus.BadFrameMac, $"bit {bit}: {status}");
            Assert.Equal(0ul, code);
            Assert.Equal(default, data);
            Assert.Equal(before[32..], stream[(consumed + 32)..]); // still ciphertext
            Assert.Equal(status, decoder.TryDecode(Encode(CreatePair(1).Encoder, 1, payload), out _, out _, out _)); // and it stays so
        }
    }

    [Fact]
    [Trait("Threat", "T15")]
    public void A_replayed_frame_and_one_of_the_other_direction_are_refused()
    {
        (FrameEncoder encoder, FrameDecoder decoder) = CreatePair(2);
        byte[] frame = Encode(encoder, 3, [1, 2, 3]);
        Assert.Equal(FrameStatus.Frame, decoder.TryDecode(frame.ToArray(), out _, out _, out _));
        Assert.Equal(FrameStatus.BadHeaderMac, decoder.TryDecode(frame.ToArray(), out _, out _, out _));

        (HandshakeSecrets a, _) = Agree(3);
        byte[] own = Encode(a.CreateEncoder(), 3, [1, 2, 3]);
        Assert.Equal(FrameStatus.BadHeaderMac, a.CreateDecoder().TryDecode(own, out _, out _, out _));
    }

    [Fact]
    public void The_largest_message_has_16777215_bytes_with_its_code_and_one_more_is_refused()
    {
        (FrameEncoder encoder, FrameDecoder decoder) = CreatePair(4);
        byte[] largest = new byte[FrameCodec.MaxMessageSize - 1];
        byte[] frame = Encode(encoder, 16, largest);
        Assert.Equal(FrameStatus.Frame, decoder.TryDecode(frame, out int consumed, out _, out Range data));
        Assert.Equal(frame.Length, consumed);
        Assert.Equal(largest.Length, frame[data].Length);

        byte[] tooLarge = new byte[FrameCodec.MaxMessageSize];
        byte[] destination = new byte[encoder.GetMaxWireSize(tooLarge.Length)];
        Assert.Equal(0, encoder.Encode(16, tooLarge, destination));

        // The refusal left the stream intact.
        byte[] next = Encode(encoder, 17, [9]);
        Assert.Equal(FrameStatus.Frame, decoder.TryDecode(next, out _, out ulong code, out _));
        Assert.Equal(17ul, code);
    }

    [Fact]
    public void Empty_payload_is_still_valid_snappy_on_the_wire()
    {
        (FrameEncoder encoder, FrameDecoder decoder) = CreatePair(5);
        encoder.UseSnappy = true;
        byte[] frame = Encode(encoder, 16, []);

        Assert.Equal(FrameStatus.Frame, decoder.TryDecode(frame, out _, out _, out Range data));
        Assert.Equal<byte[]>([0x00], frame[data]);
        Assert.True(SnappyPayload.TryGetSize(frame[data], out int size));
        Assert.Equal(0, size);
    }

    [Fact]
    public void A_frame_without_a_message_code_is_invalid()
    {
        (HandshakeSecrets a, HandshakeSecrets b) = Agree(6);
        byte[] frame = new byte[64];
        // A header that says "no bytes": made by hand, because the encoder always writes a code.
        var cipher = new CipherAndMac(a);
        cipher.WriteEmptyFrame(frame);
        Assert.Equal(FrameStatus.InvalidCode, b.CreateDecoder().TryDecode(frame.AsSpan(0, 48), out _, out _, out _));
    }

    [Fact]
    [Trait("Threat", "T12")]
    public void Snappy_that_declares_more_than_it_can_hold_is_found_out_before_decompression()
    {
        Assert.False(SnappyPayload.TryGetSize([0x80, 0x80, 0x01, 0x00], out _)); // 16 KiB from one byte
        Assert.True(SnappyPayload.TryGetSize([0x80, 0x80, 0x80, 0x08, 0x00], out int size)); // 16 MiB: too large is said as such
        Assert.Equal(16 * 1024 * 1024, size);
        Assert.False(SnappyPayload.TryGetSize([0x80, 0x80, 0x80, 0x80, 0x80, 0x01], out _));
        Assert.False(SnappyPayload.TryGetSize([], out _));
    }

    [Fact]
    public void Stored_and_compressed_payloads_are_both_what_the_library_reads()
    {
        for (int size = 0; size <= 300; size++)
        {
            byte[] payload = new byte[size];
            new Random(size).NextBytes(payload);
            byte[] compressed = new byte[SnappyPayload.GetMaxCompressedSize(size)];
            compressed = compressed[..SnappyPayload.Compress(payload, compressed)];
            Assert.Equal(payload, Snappier.Snappy.DecompressToArray(compressed));

            // And what the library writes is what we read.
            byte[] back = new byte[size];
            Assert.True(SnappyPayload.TryDecompress(Snappier.Snappy.CompressToArray(payload), back));
            Assert.Equal(payload, back);
            Assert.True(SnappyPayload.TryDecompress(compressed, back));
        }
    }

    [Fact]
    public void Random_bytes_never_throw_in_the_decompressor()
    {
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            if (SnappyPayload.TryGetSize(bytes, out int size) && size <= 100_000)
            {
                SnappyPayload.TryDecompress(bytes, new byte[size]);
            }
        });
    }

#if !DEBUG // Unoptimised code allocates where optimised code does not.
    [Fact]
    public void Encoding_and_decoding_a_frame_allocates_nothing()
    {
        (FrameEncoder encoder, FrameDecoder decoder) = CreatePair(7);
        encoder.UseSnappy = true;
        byte[] payload = new byte[32];
        byte[] frame = new byte[1024];
        for (int i = 0; i < 3; i++)
        {
            RoundTrip();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            RoundTrip();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void RoundTrip()
        {
            int length = encoder.Encode(16, payload, frame);
            if (decoder.TryDecode(frame.AsSpan(0, length), out _, out _, out _) != FrameStatus.Frame)
            {
                throw new InvalidOperationException();
            }
        }
    }
#endif

    internal static (FrameEncoder Encoder, FrameDecoder Decoder) CreatePair(int seed)
    {
        (HandshakeSecrets a, HandshakeSecrets b) = Agree(seed);
        return (a.CreateEncoder(), b.CreateDecoder());
    }

    private static (HandshakeSecrets A, HandshakeSecrets B) Agree(int seed)
    {
        Handshake initiator = Handshake.Initiate(KeyA, KeyB.PublicKey, new SeededRandomSource(seed), out ReadOnlyMemory<byte> auth);
        Handshake recipient = Handshake.Accept(KeyB, new SeededRandomSource(seed + 1));
        recipient.Read(auth.Span, out _);
        initiator.Read(recipient.Ack.Span, out _);
        return (initiator.Secrets!, recipient.Secrets!);
    }

    private static byte[] Encode(FrameEncoder encoder, ulong code, byte[] payload)
    {
        byte[] destination = new byte[encoder.GetMaxWireSize(payload.Length)];
        return destination[..encoder.Encode(code, payload, destination)];
    }

    private static byte[] Concat(IEnumerable<byte[]> parts) => [.. parts.SelectMany(p => p)];

    private static List<(ulong Code, byte[] Payload)> DecodeInPieces(FrameDecoder decoder, byte[] stream, int piece, bool snappy, int maxHash)
    {
        var decoded = new List<(ulong, byte[])>();
        byte[] pending = [];
        for (int at = 0; at < stream.Length; at += piece)
        {
            pending = [.. pending, .. stream.AsSpan(at, Math.Min(piece, stream.Length - at))];
            FrameStatus status;
            do
            {
                status = decoder.TryDecode(pending, maxHash, out int consumed, out ulong code, out Range range);
                Assert.True(status is FrameStatus.Frame or FrameStatus.NeedMoreData or FrameStatus.HashDue, status.ToString());
                if (status == FrameStatus.Frame)
                {
                    byte[] data = pending[range];
                    if (snappy)
                    {
                        Assert.True(SnappyPayload.TryGetSize(data, out int size));
                        byte[] payload = new byte[size];
                        Assert.True(SnappyPayload.TryDecompress(data, payload));
                        data = payload;
                    }

                    decoded.Add((code, data));
                }

                pending = pending[consumed..];
                if (status == FrameStatus.HashDue)
                {
                    MacPiece due = decoder.TakeHashDue(new MacPiece(), pending);
                    Assert.True(due.Left.Length > maxHash);
                    due.Mac.Absorb(due.Left.Span);
                }
            }
            while (status != FrameStatus.NeedMoreData);
        }

        Assert.Empty(pending);
        return decoded;
    }

    /// <summary>Builds what the encoder never would.</summary>
    private sealed class CipherAndMac(HandshakeSecrets secrets)
    {
        private readonly AesCtr _cipher = new(secrets.AesSecret, new byte[16]);
        private readonly FrameMac _mac = secrets.CreateEgressMac();

        public void WriteEmptyFrame(Span<byte> frame)
        {
            frame.Clear();
            FrameCodec.HeaderData.CopyTo(frame[3..]);
            _cipher.Process(frame[..16]);
            _mac.ComputeHeader(frame[..16], frame.Slice(16, 16));
            _mac.ComputeFrame(frame.Slice(32, 16));
        }
    }
}
