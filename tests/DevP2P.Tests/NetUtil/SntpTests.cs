using DevP2P.NetUtil;
using Xunit;

namespace DevP2P.Tests.NetUtil;

public sealed class SntpTests
{
    private const ulong Cookie = 0x1122334455667788;
    private static readonly DateTimeOffset Sent = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Elapsed = TimeSpan.FromMilliseconds(40);

    [Fact]
    public void A_request_says_version_mode_and_cookie_and_nothing_else()
    {
        byte[] packet = new byte[50];
        Array.Fill(packet, (byte)0xff);

        Sntp.WriteRequest(packet, Cookie);

        Assert.Equal("23" + new string('0', 78) + "1122334455667788" + "ffff", Convert.ToHexStringLower(packet));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(12.3)]
    [InlineData(-12.3)]
    [InlineData(4e8)]
    [InlineData(-4e8)]
    public void Offset_and_round_trip(double offsetSeconds)
    {
        // 10 ms there, 5 ms in the server, 25 ms back: the asymmetry is the error that no client can see.
        TimeSpan offset = TimeSpan.FromSeconds(offsetSeconds);
        DateTimeOffset received = Sent + offset + TimeSpan.FromMilliseconds(10);

        SntpAnswer answer = Read(TestTimeServer.Answer(Request(), received, received + TimeSpan.FromMilliseconds(5)));

        Assert.Equal(SntpError.None, answer.Error);
        Assert.Equal(offset - TimeSpan.FromMilliseconds(7.5), answer.Offset);
        Assert.Equal(TimeSpan.FromMilliseconds(35), answer.RoundTrip);
    }

    [Theory]
    [InlineData("0000000000000001", "2036-02-07T06:28:16.0000000Z")]
    [InlineData("ffffffffffffffff", "2036-02-07T06:28:15.9999999Z")]
    [InlineData("8000000000000000", "1968-01-20T03:14:08.0000000Z")]
    [InlineData("7fffffff00000000", "2104-02-26T09:42:23.0000000Z")]
    [InlineData("83aa7e8000000000", "1970-01-01T00:00:00.0000000Z")]
    [InlineData("83aa7e8080000000", "1970-01-01T00:00:00.5000000Z")]
    public void Times_of_both_eras(string timestamp, string expected) => Assert.Equal(
        expected, Sntp.ReadTime(Convert.FromHexString(timestamp)).UtcDateTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture));

    [Theory]
    [InlineData("2036-02-07T06:28:10Z", 20)]
    [InlineData("2036-02-07T06:28:20Z", -20)]
    [InlineData("1970-01-01T00:00:00Z", 3e9)]
    public void The_era_may_change_between_their_clock_and_ours(string ours, double offsetSeconds)
    {
        DateTimeOffset sent = DateTimeOffset.Parse(ours, System.Globalization.CultureInfo.InvariantCulture);
        TimeSpan offset = TimeSpan.FromSeconds(offsetSeconds);

        SntpAnswer answer = Sntp.ReadAnswer(TestTimeServer.Answer(Request(), sent + offset), Cookie, sent, TimeSpan.Zero);

        Assert.Equal(new SntpAnswer(SntpError.None, offset), answer);
    }

    [Fact]
    public void What_follows_the_packet_does_not_matter() =>
        Assert.Equal(SntpError.None, Read([.. TestTimeServer.Answer(Request(), Sent), 1, 2, 3]).Error);

    [Fact]
    public void A_truncated_answer()
    {
        byte[] answer = TestTimeServer.Answer(Request(), Sent);
        for (int length = 0; length < 48; length++)
        {
            Assert.Equal(SntpError.TooShort, Read(answer[..length]).Error);
        }
    }

    [Theory]
    [InlineData(0, 0x23, SntpError.NotAnAnswer)]
    [InlineData(0, 0x25, SntpError.NotAnAnswer)]
    [InlineData(0, 0xe4, SntpError.Unsynchronized)]
    [InlineData(1, 16, SntpError.Unsynchronized)]
    [InlineData(1, 255, SntpError.Unsynchronized)]
    [InlineData(31, 0x89, SntpError.NotToUs)]
    [InlineData(24, 0x10, SntpError.NotToUs)]
    [InlineData(0, 0x64, SntpError.None)]
    [InlineData(0, 0x1c, SntpError.None)]
    [InlineData(1, 1, SntpError.None)]
    [InlineData(1, 15, SntpError.None)]
    internal void Fields(int position, byte value, SntpError expected)
    {
        byte[] answer = TestTimeServer.Answer(Request(), Sent);
        Assert.NotEqual(value, answer[position]);
        answer[position] = value;

        Assert.Equal(expected, Read(answer).Error);
    }

    [Theory]
    [InlineData("DENY", SntpError.Denied)]
    [InlineData("RSTR", SntpError.Denied)]
    [InlineData("RATE", SntpError.TooOften)]
    [InlineData("INIT", SntpError.Unsynchronized)]
    [InlineData("\0\0\0\0", SntpError.Unsynchronized)]
    internal void Kiss_of_death(string code, SntpError expected)
    {
        byte[] answer = Kiss(Request(), code);
        Assert.Equal(expected, Read(answer).Error);

        // Who does not know the cookie cannot make us stop.
        answer[30] ^= 1;
        Assert.Equal(SntpError.NotToUs, Read(answer).Error);
    }

    [Fact]
    public void No_time()
    {
        byte[] answer = TestTimeServer.Answer(Request(), Sent);
        answer.AsSpan(40).Clear();

        Assert.Equal(SntpError.Unsynchronized, Read(answer).Error);
    }

    [Fact]
    public void Times_that_contradict_one_another()
    {
        TimeSpan tick = TimeSpan.FromTicks(1);
        TimeSpan longest = Elapsed + TimeSpan.FromSeconds(1);

        Assert.Equal(SntpError.Implausible, Read(TestTimeServer.Answer(Request(), Sent, Sent - tick)).Error);
        Assert.Equal(SntpError.Implausible, Read(TestTimeServer.Answer(Request(), Sent, Sent + longest + tick)).Error);
        SntpAnswer quick = Read(TestTimeServer.Answer(Request(), Sent, Sent + longest));
        Assert.Equal((SntpError.None, TimeSpan.Zero), (quick.Error, quick.RoundTrip));
    }

    [Theory]
    [InlineData("pool.ntp.org", "pool.ntp.org", 123)]
    [InlineData("localhost:1123", "localhost", 1123)]
    [InlineData("192.0.2.1", "192.0.2.1", 123)]
    [InlineData("192.0.2.1:5", "192.0.2.1", 5)]
    [InlineData("[2001:db8::1]", "2001:db8::1", 123)]
    [InlineData("[2001:db8::1]:65535", "2001:db8::1", 65535)]
    public void Servers(string text, string host, int port)
    {
        Assert.True(Sntp.TryParseServer(text, out string? parsedHost, out int parsedPort));
        Assert.Equal((host, port), (parsedHost, parsedPort));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(":123")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:x")]
    [InlineData("host:1:2")]
    [InlineData("::1")]
    [InlineData("[::1")]
    [InlineData("[zz]")]
    [InlineData("sntp://host")]
    [InlineData("host/path")]
    [InlineData("me@host")]
    [InlineData("host?x")]
    [InlineData("a b")]
    [InlineData("a..b")]
    public void No_servers(string text) => Assert.False(Sntp.TryParseServer(text, out _, out _));

    internal static byte[] Kiss(byte[] request, string code)
    {
        byte[] answer = TestTimeServer.Answer(request, Sent);
        answer[1] = 0;
        System.Text.Encoding.ASCII.GetBytes(code).CopyTo(answer, 12);
        return answer;
    }

    private static byte[] Request()
    {
        byte[] packet = new byte[Sntp.PacketSize];
        Sntp.WriteRequest(packet, Cookie);
        return packet;
    }

    private static SntpAnswer Read(byte[] answer) => Sntp.ReadAnswer(answer, Cookie, Sent, Elapsed);
}
