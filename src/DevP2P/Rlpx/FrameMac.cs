using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using DevP2P.Crypto;

namespace DevP2P.Rlpx;

/// <summary>
/// The MAC of one direction of an RLPx connection (rlpx.md, "MAC"): a running Keccak-256 state that each header and each frame
/// is mixed into through AES. Sans-IO; not safe for concurrent use.
/// </summary>
internal sealed class FrameMac
{
    /// <summary>The length of a header's or a frame's MAC on the wire.</summary>
    public const int Size = 16;

    private readonly AesBlock _cipher;
    private Keccak256 _state;

    /// <summary>
    /// The digest of the state as it is now. After a MAC was computed, its own digest is still the state's: the next header
    /// starts from it, which saves one of four permutations a frame.
    /// </summary>
    private Digest _digest;

    /// <param name="macSecret">The 32-byte <c>mac-secret</c>.</param>
    /// <param name="initialState">The state after <c>(mac-secret ^ nonce) || handshake message</c>.</param>
    public FrameMac(ReadOnlySpan<byte> macSecret, in Keccak256 initialState)
    {
        _cipher = new AesBlock(macSecret);
        _state = initialState;
        _state.GetDigest(_digest);
    }

    /// <summary>header-mac: mixes in the header's ciphertext.</summary>
    public void ComputeHeader(ReadOnlySpan<byte> headerCiphertext, Span<byte> mac) => Mix(headerCiphertext, mac);

    /// <summary>Absorbs a piece of a frame's ciphertext; pieces may have any size.</summary>
    public void Absorb(ReadOnlySpan<byte> frameCiphertext) => _state.Append(frameCiphertext);

    /// <summary>frame-mac: after all of the frame's ciphertext was absorbed.</summary>
    public void ComputeFrame(Span<byte> mac)
    {
        _state.GetDigest(_digest);
        Mix(_digest, mac);
    }

    /// <summary>Writes both MACs of a frame whose header and body stand encrypted where they belong.</summary>
    /// <param name="frame">The whole frame.</param>
    public void Authenticate(Span<byte> frame)
    {
        ComputeHeader(HeaderOf(frame), HeaderMacOf(frame));
        Absorb(BodyOf(frame));
        ComputeFrame(frame[^Size..]);
    }

    /// <summary>The same for one frame of each of four connections; all frames have the same length.</summary>
    public static void AuthenticateFour(
        FrameMac a, FrameMac b, FrameMac c, FrameMac d, Span<byte> frameA, Span<byte> frameB, Span<byte> frameC, Span<byte> frameD)
    {
        a.Seed(HeaderOf(frameA));
        b.Seed(HeaderOf(frameB));
        c.Seed(HeaderOf(frameC));
        d.Seed(HeaderOf(frameD));
        GetDigestFour(a, b, c, d);
        a.Copy(HeaderMacOf(frameA));
        b.Copy(HeaderMacOf(frameB));
        c.Copy(HeaderMacOf(frameC));
        d.Copy(HeaderMacOf(frameD));

        Keccak256.AppendFour(ref a._state, ref b._state, ref c._state, ref d._state, BodyOf(frameA), BodyOf(frameB), BodyOf(frameC), BodyOf(frameD));
        GetDigestFour(a, b, c, d);
        a.Seed(a._digest);
        b.Seed(b._digest);
        c.Seed(c._digest);
        d.Seed(d._digest);
        GetDigestFour(a, b, c, d);
        a.Copy(frameA[^Size..]);
        b.Copy(frameB[^Size..]);
        c.Copy(frameC[^Size..]);
        d.Copy(frameD[^Size..]);
    }

    /// <summary>Absorbs the same length of each of two to four pieces, which is not more than any has left.</summary>
    public static void AbsorbTogether(ReadOnlySpan<MacPiece> pieces, int length)
    {
        // The hashes that are missing to four are computed all the same; four cost little more than one.
        Keccak256 third = default, fourth = default;
        ReadOnlySpan<byte> first = Next(pieces[0]);
        Keccak256.AppendFour(
            ref pieces[0].Mac._state,
            ref pieces[1].Mac._state,
            ref pieces.Length > 2 ? ref pieces[2].Mac._state : ref third,
            ref pieces.Length > 3 ? ref pieces[3].Mac._state : ref fourth,
            first, Next(pieces[1]), pieces.Length > 2 ? Next(pieces[2]) : first, pieces.Length > 3 ? Next(pieces[3]) : first);

        ReadOnlySpan<byte> Next(MacPiece piece) => piece.Left.Span[..length];
    }

    /// <summary>Computes the header's MAC and compares it in constant time.</summary>
    public bool VerifyHeader(ReadOnlySpan<byte> headerCiphertext, ReadOnlySpan<byte> mac)
    {
        Span<byte> expected = stackalloc byte[Size];
        ComputeHeader(headerCiphertext, expected);
        return CryptographicOperations.FixedTimeEquals(expected, mac);
    }

    /// <summary>Computes the frame's MAC and compares it in constant time.</summary>
    public bool VerifyFrame(ReadOnlySpan<byte> mac)
    {
        Span<byte> expected = stackalloc byte[Size];
        ComputeFrame(expected);
        return CryptographicOperations.FixedTimeEquals(expected, mac);
    }

    private static Span<byte> HeaderOf(Span<byte> frame) => frame[..FrameCodec.BlockSize];

    private static Span<byte> HeaderMacOf(Span<byte> frame) => frame[FrameCodec.BlockSize..FrameCodec.HeaderSize];

    private static Span<byte> BodyOf(Span<byte> frame) => frame[FrameCodec.HeaderSize..^Size];

    private static void GetDigestFour(FrameMac a, FrameMac b, FrameMac c, FrameMac d) =>
        Keccak256.GetDigestFour(a._state, b._state, c._state, d._state, a._digest, b._digest, c._digest, d._digest);

    private void Mix(ReadOnlySpan<byte> seed, Span<byte> mac)
    {
        Seed(seed);
        _state.GetDigest(_digest);
        Copy(mac);
    }

    /// <summary>Mixes a seed into the state; the digest is to follow.</summary>
    private void Seed(ReadOnlySpan<byte> seed)
    {
        Span<byte> block = stackalloc byte[Size];
        _cipher.Encrypt(((ReadOnlySpan<byte>)_digest)[..Size], block);
        (Vector128.Create<byte>(block) ^ Vector128.Create(seed)).CopyTo(block);
        _state.Append(block);
    }

    private void Copy(Span<byte> mac) => ((ReadOnlySpan<byte>)_digest)[..Size].CopyTo(mac);

    [System.Runtime.CompilerServices.InlineArray(Keccak256.DigestSize)]
    private struct Digest
    {
        private byte _first;
    }
}
