using DevP2P.Crypto;
using DevP2P.Rlp;

namespace DevP2P.Rlpx;

/// <summary>Sizes that hold for every RLPx frame (rlpx.md, "Framing").</summary>
internal static class FrameCodec
{
    public const int BlockSize = 16;

    /// <summary>header-ciphertext || header-mac.</summary>
    public const int HeaderSize = BlockSize + FrameMac.Size;

    /// <summary>The greatest 24-bit frame size, and the greatest payload before and after compression.</summary>
    public const int MaxMessageSize = 0xFF_FFFF;

    /// <summary>The longest encoding of a message code: RLP of a 64-bit integer.</summary>
    public const int MaxCodeSize = 9;

    /// <summary>header-data = [capability-id, context-id], both always zero.</summary>
    public static ReadOnlySpan<byte> HeaderData => [0xC2, 0x80, 0x80];

    public static int Pad(int size) => (size + BlockSize - 1) & ~(BlockSize - 1);

    /// <summary>What a frame with this much frame-data takes on the wire.</summary>
    public static int WireSize(int frameDataSize) => HeaderSize + Pad(frameDataSize) + FrameMac.Size;
}

/// <summary>Encodes frames for one direction. Sans-IO; not safe for concurrent use.</summary>
internal sealed class FrameEncoder(AesCtr cipher, FrameMac mac)
{
    private readonly FrameMac _mac = mac;

    /// <summary>Whether payloads are compressed: from p2p version 5 on, after the Hello (EIP-706).</summary>
    public bool UseSnappy { get; set; }

    /// <summary>An upper bound of what a message takes on the wire.</summary>
    public int GetMaxWireSize(int payloadSize) =>
        FrameCodec.WireSize(FrameCodec.MaxCodeSize + (UseSnappy ? SnappyPayload.GetMaxCompressedSize(payloadSize) : payloadSize));

    /// <summary>Writes a frame.</summary>
    /// <param name="code">The message code, offset included.</param>
    /// <param name="payload">The uncompressed payload.</param>
    /// <param name="destination">At least <see cref="GetMaxWireSize"/> bytes.</param>
    /// <returns>
    /// The bytes written, or 0 if code and (compressed) payload together exceed 24 bits: then nothing has changed and the
    /// stream is still intact.
    /// </returns>
    public int Encode(ulong code, ReadOnlySpan<byte> payload, Span<byte> destination)
    {
        Span<byte> body = destination[FrameCodec.HeaderSize..];
        int size = RlpEncoding.WriteUInt64(body, code);
        if (UseSnappy)
        {
            size += SnappyPayload.Compress(payload, body[size..]);
        }
        else
        {
            payload.CopyTo(body[size..]);
            size += payload.Length;
        }

        if (size > FrameCodec.MaxMessageSize)
        {
            return 0;
        }

        _mac.Authenticate(Encrypt(size, destination));
        return FrameCodec.WireSize(size);
    }

    /// <summary>Writes a frame whose data is compressed already, or needs not be.</summary>
    /// <param name="code">The message code, offset included.</param>
    /// <param name="data">What follows the code; together they fit 24 bits.</param>
    /// <param name="destination">At least <see cref="FrameCodec.WireSize"/> of code and data.</param>
    /// <returns>The bytes written.</returns>
    public int EncodeData(ulong code, ReadOnlySpan<byte> data, Span<byte> destination)
    {
        Span<byte> frame = Fill(code, data, destination);
        _mac.Authenticate(frame);
        return frame.Length;
    }

    /// <summary>The same for four connections at a time. All codes have encodings of the same size.</summary>
    /// <returns>The bytes written to each.</returns>
    public static int EncodeDataFour(
        ReadOnlySpan<FrameEncoder> four, ReadOnlySpan<ulong> codes, ReadOnlySpan<byte> data, Span<byte> a, Span<byte> b, Span<byte> c, Span<byte> d)
    {
        a = four[0].Fill(codes[0], data, a);
        b = four[1].Fill(codes[1], data, b);
        c = four[2].Fill(codes[2], data, c);
        d = four[3].Fill(codes[3], data, d);
        FrameMac.AuthenticateFour(four[0]._mac, four[1]._mac, four[2]._mac, four[3]._mac, a, b, c, d);
        return a.Length;
    }

    private Span<byte> Fill(ulong code, ReadOnlySpan<byte> data, Span<byte> destination)
    {
        Span<byte> body = destination[FrameCodec.HeaderSize..];
        int codeSize = RlpEncoding.WriteUInt64(body, code);
        data.CopyTo(body[codeSize..]);
        return Encrypt(codeSize + data.Length, destination);
    }

    /// <summary>Encrypts a frame's data where it stands, and its header in front of it.</summary>
    /// <returns>The frame, whose MACs are still missing.</returns>
    private Span<byte> Encrypt(int size, Span<byte> destination)
    {
        Span<byte> header = destination[..FrameCodec.BlockSize];
        header.Clear();
        header[0] = (byte)(size >> 16);
        header[1] = (byte)(size >> 8);
        header[2] = (byte)size;
        FrameCodec.HeaderData.CopyTo(header[3..]);
        cipher.Process(header);

        int padded = FrameCodec.Pad(size);
        Span<byte> body = destination.Slice(FrameCodec.HeaderSize, padded);
        body[size..].Clear();
        cipher.Process(body);
        return destination[..FrameCodec.WireSize(size)];
    }
}

/// <summary>What a step of a <see cref="FrameDecoder"/> found.</summary>
internal enum FrameStatus
{
    /// <summary>More bytes are needed: <see cref="FrameDecoder.BytesWanted"/> from the start of the next buffer.</summary>
    NeedMoreData,

    /// <summary>More of a frame is to be hashed than may be: <see cref="FrameDecoder.TakeHashDue"/>, or again with a greater limit.</summary>
    HashDue,

    /// <summary>A frame was decoded.</summary>
    Frame,

    /// <summary>The header's MAC is wrong. The stream is lost.</summary>
    BadHeaderMac,

    /// <summary>The frame's MAC is wrong. The stream is lost.</summary>
    BadFrameMac,

    /// <summary>The frame does not start with an RLP integer.</summary>
    InvalidCode,
}

/// <summary>
/// Decodes frames from one direction, in place, however the bytes are split. Both MACs are checked before anything is decrypted.
/// Sans-IO; not safe for concurrent use.
/// </summary>
internal sealed class FrameDecoder(AesCtr cipher, FrameMac mac)
{
    private FrameStatus _failure;
    private bool _inBody;
    private int _frameSize;
    private int _absorbed;

    /// <summary>Bytes that must be at hand, from the first byte not consumed, before decoding gets further.</summary>
    public int BytesWanted => _inBody ? FrameCodec.Pad(_frameSize) + FrameMac.Size : FrameCodec.HeaderSize;

    /// <summary>What the frame that was decoded last took on the wire.</summary>
    public int WireSize => FrameCodec.WireSize(_frameSize);

    /// <summary>The next step, whatever there is to hash.</summary>
    public FrameStatus TryDecode(Span<byte> buffer, out int consumed, out ulong code, out Range data) =>
        TryDecode(buffer, int.MaxValue, out consumed, out code, out data);

    /// <summary>Takes the next step.</summary>
    /// <param name="buffer">The bytes from the first one that was not consumed yet; overwritten by plaintext where decoded.</param>
    /// <param name="maxHash">How many bytes of a frame may be hashed; if there are more, none are, and <see cref="FrameStatus.HashDue"/> says so.</param>
    /// <param name="consumed">How many bytes are done with. Also with <see cref="FrameStatus.NeedMoreData"/>: a header is consumed alone.</param>
    /// <param name="code">The message code.</param>
    /// <param name="data">Where in <paramref name="buffer"/> the message's data stands, compressed if the connection is.</param>
    /// <returns>What was found. After a failure every call returns the same failure.</returns>
    public FrameStatus TryDecode(Span<byte> buffer, int maxHash, out int consumed, out ulong code, out Range data)
    {
        consumed = 0;
        code = 0;
        data = default;
        if (_failure != FrameStatus.NeedMoreData)
        {
            return _failure;
        }

        if (!_inBody)
        {
            if (buffer.Length < FrameCodec.HeaderSize)
            {
                return FrameStatus.NeedMoreData;
            }

            Span<byte> header = buffer[..FrameCodec.BlockSize];
            if (!mac.VerifyHeader(header, buffer[FrameCodec.BlockSize..FrameCodec.HeaderSize]))
            {
                return _failure = FrameStatus.BadHeaderMac;
            }

            cipher.Process(header);
            _frameSize = (header[0] << 16) | (header[1] << 8) | header[2];
            _absorbed = 0;
            _inBody = true;
            consumed = FrameCodec.HeaderSize;
            buffer = buffer[FrameCodec.HeaderSize..];
        }

        // The MAC is computed as the bytes come in, so that the end of a large frame costs no pause.
        int padded = FrameCodec.Pad(_frameSize);
        int available = Math.Min(buffer.Length, padded);
        if (available - _absorbed > maxHash)
        {
            return FrameStatus.HashDue;
        }

        mac.Absorb(buffer[_absorbed..available]);
        _absorbed = available;
        if (buffer.Length < padded + FrameMac.Size)
        {
            return FrameStatus.NeedMoreData;
        }

        if (!mac.VerifyFrame(buffer.Slice(padded, FrameMac.Size)))
        {
            return _failure = FrameStatus.BadFrameMac;
        }

        Span<byte> body = buffer[..padded];
        cipher.Process(body);
        _inBody = false;
        if (!RlpEncoding.TryReadUInt64Prefix(body[.._frameSize], out code, out int codeSize))
        {
            return _failure = FrameStatus.InvalidCode;
        }

        data = (consumed + codeSize)..(consumed + _frameSize);
        consumed += padded + FrameMac.Size;
        return FrameStatus.Frame;
    }

    /// <summary>After <see cref="FrameStatus.HashDue"/>: what is to be hashed before the next step, which takes that for done.</summary>
    /// <param name="piece">Where to put it.</param>
    /// <param name="buffer">The bytes from the first one that was not consumed yet.</param>
    public MacPiece TakeHashDue(MacPiece piece, ReadOnlyMemory<byte> buffer)
    {
        int available = Math.Min(buffer.Length, FrameCodec.Pad(_frameSize));
        piece.Set(mac, buffer[_absorbed..available]);
        _absorbed = available;
        return piece;
    }
}
