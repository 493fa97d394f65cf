using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace DevP2P.NetUtil;

/// <summary>The packets of SNTP version 4, client side (RFC 4330, RFC 5905).</summary>
internal static class Sntp
{
    public const int PacketSize = 48;

    public const int DefaultPort = 123;

    private const byte VersionAndMode = (4 << 3) | 3;
    private const byte ServerMode = 4;
    private const byte LeapAlarm = 3;
    private const int MaxStratum = 15;
    private const int OriginateAt = 24;
    private const int ReceiveAt = 32;
    private const int TransmitAt = 40;

    private static readonly DateTimeOffset Era0 = new(1900, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>What a server can say without having been quicker than the network, allowing for its clock's steps.</summary>
    private static readonly TimeSpan MaxNegativeRoundTrip = TimeSpan.FromSeconds(1);

    /// <summary>Writes a request.</summary>
    /// <param name="packet">Gets <see cref="PacketSize"/> bytes.</param>
    /// <param name="cookie">
    /// A random number in place of our time: the server sends it back as it is. It tells our time to nobody, and who has not
    /// seen the request cannot answer it.
    /// </param>
    public static void WriteRequest(Span<byte> packet, ulong cookie)
    {
        packet[..PacketSize].Clear();
        packet[0] = VersionAndMode;
        BinaryPrimitives.WriteUInt64BigEndian(packet[TransmitAt..], cookie);
    }

    /// <summary>Checks an answer and takes the measurement from it.</summary>
    /// <param name="packet">The datagram. What follows the first <see cref="PacketSize"/> bytes does not matter.</param>
    /// <param name="cookie">The request's.</param>
    /// <param name="sent">When the request was sent, by our clock.</param>
    /// <param name="elapsed">How long after that the answer came.</param>
    public static SntpAnswer ReadAnswer(ReadOnlySpan<byte> packet, ulong cookie, DateTimeOffset sent, TimeSpan elapsed)
    {
        if (packet.Length < PacketSize)
        {
            return new SntpAnswer(SntpError.TooShort);
        }

        if ((packet[0] & 7) != ServerMode)
        {
            return new SntpAnswer(SntpError.NotAnAnswer);
        }

        // Before all that the server says: who does not know the cookie must not be able to stop us either.
        if (BinaryPrimitives.ReadUInt64BigEndian(packet[OriginateAt..]) != cookie)
        {
            return new SntpAnswer(SntpError.NotToUs);
        }

        if (CheckServer(packet) is var error and not SntpError.None)
        {
            return new SntpAnswer(error);
        }

        DateTimeOffset received = ReadTime(packet[ReceiveAt..]);
        DateTimeOffset transmitted = ReadTime(packet[TransmitAt..]);
        TimeSpan roundTrip = elapsed - (transmitted - received);
        if (transmitted < received || roundTrip < -MaxNegativeRoundTrip)
        {
            return new SntpAnswer(SntpError.Implausible);
        }

        long sum = (received - sent).Ticks + (transmitted - sent - elapsed).Ticks;
        return new SntpAnswer(SntpError.None, TimeSpan.FromTicks(sum / 2), roundTrip < TimeSpan.Zero ? TimeSpan.Zero : roundTrip);
    }

    /// <summary>The time of an NTP timestamp: seconds since 1900 and a fraction, 32 bits each.</summary>
    /// <remarks>
    /// The seconds overflow in 2036. RFC 4330, section 3: without the highest bit they count from then. So a time is right from
    /// 1968 to 2104, whatever our own clock says.
    /// </remarks>
    public static DateTimeOffset ReadTime(ReadOnlySpan<byte> timestamp)
    {
        long seconds = BinaryPrimitives.ReadUInt32BigEndian(timestamp);
        long fraction = BinaryPrimitives.ReadUInt32BigEndian(timestamp[4..]);
        long sinceEra0 = seconds >= 1L << 31 ? seconds : seconds + (1L << 32);
        return Era0.AddTicks((sinceEra0 * TimeSpan.TicksPerSecond) + ((fraction * TimeSpan.TicksPerSecond) >> 32));
    }

    /// <summary>Reads a server's name or address, with or without a port: <c>pool.ntp.org</c>, <c>192.0.2.1:123</c>, <c>[::1]</c>.</summary>
    public static bool TryParseServer(string text, [NotNullWhen(true)] out string? host, out int port) =>
        HostAndPort.TryParse(text, DefaultPort, out host, out port);

    /// <summary>Whether the server is willing and able to tell the time.</summary>
    private static SntpError CheckServer(ReadOnlySpan<byte> packet)
    {
        byte stratum = packet[1];
        if (stratum == 0)
        {
            // A kiss of death: in place of the server's reference stands why (RFC 5905, section 7.4).
            ReadOnlySpan<byte> code = packet[12..16];
            return code.SequenceEqual("DENY"u8) || code.SequenceEqual("RSTR"u8) ? SntpError.Denied
                : code.SequenceEqual("RATE"u8) ? SntpError.TooOften
                : SntpError.Unsynchronized;
        }

        return stratum > MaxStratum || packet[0] >> 6 == LeapAlarm || BinaryPrimitives.ReadUInt64BigEndian(packet[TransmitAt..]) == 0
            ? SntpError.Unsynchronized
            : SntpError.None;
    }
}

/// <summary>What became of one request.</summary>
/// <param name="Error">None, if there is a measurement.</param>
/// <param name="Offset">What our clock lacks (negative: has too much), give or take half the round trip.</param>
/// <param name="RoundTrip">How long the packets were on their way.</param>
internal readonly record struct SntpAnswer(SntpError Error, TimeSpan Offset = default, TimeSpan RoundTrip = default);

/// <summary>Why an answer does not count.</summary>
internal enum SntpError
{
    None,

    /// <summary>None came in time, or nothing that is one.</summary>
    NoAnswer,

    /// <summary>The system could not send, or was told that nobody listens.</summary>
    Unreachable,

    /// <summary>Shorter than a packet can be.</summary>
    TooShort,

    /// <summary>Not sent by a server.</summary>
    NotAnAnswer,

    /// <summary>It does not echo our request.</summary>
    NotToUs,

    /// <summary>The server does not know the time itself.</summary>
    Unsynchronized,

    /// <summary>Kiss of death: we ask too often.</summary>
    TooOften,

    /// <summary>Kiss of death: we must not ask this server any more.</summary>
    Denied,

    /// <summary>Its times contradict one another.</summary>
    Implausible,
}
