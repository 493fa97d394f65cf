using System.Text;
using CsCheck;
using DevP2P.Cli.Logging;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace DevP2P.Tests.Cli;

/// <summary>Logs for people, and what foreign text can do to them: nothing (T07).</summary>
[Trait("Threat", "T07")]
public sealed partial class LogTests
{
    private const string Id = "a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7";
    private static readonly NodeId s_id = NodeId.Parse(Id);

    [Theory]
    [InlineData("Geth/v1.8.27-stable/linux-amd64/go1.11", "Geth/v1.8.27-stable/linux-amd64/go1.11")]
    [InlineData("a\nb\r\tc\0", "a\\u000ab\\u000d\\u0009c\\u0000")]
    [InlineData("\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m")]
    [InlineData("\u009b31m", "\\u009b31m")]
    [InlineData("a\u202eb\u200bc\u2028d", "a\\u202eb\\u200bc\\u2028d")]
    [InlineData("C:\\x", "C:\\\\x")]
    [InlineData("grüße 日本 🦀", "grüße 日本 🦀")]
    [InlineData("id " + Id + " there", "id a448f24c6d18e575… there")]
    public void Foreign_text_is_one_harmless_line(string text, string expected) => Assert.Equal(expected, LogText.Escape(text));

    [Fact]
    public void Half_a_character_is_escaped() => Assert.Equal("\\ud800x", LogText.Escape("\ud800x"));

    [Fact]
    public void Foreign_text_is_capped()
    {
        string text = LogText.Escape(new string('x', 10_000_000));
        Assert.Equal(new string('x', LogText.MaxValueLength) + $"…({10_000_000 - LogText.MaxValueLength} more)", text);
        Assert.True(LogText.Escape(new string('\n', 100_000)).Length < LogText.MaxValueLength + 40);
        Assert.True(LogText.Escape(string.Concat(Enumerable.Repeat(new string('a', 63) + "\n", 100_000))).Length < LogText.MaxValueLength + 40);
        Assert.Equal(LogText.MaxValueLength + 1, LogText.Cap(new string('x', 10_000_000)).Length);
        Assert.Equal(new string('x', LogText.MaxValueLength - 1) + "…", LogText.Cap(new string('x', LogText.MaxValueLength - 1) + "🦀🦀"));
    }

    [Fact]
    public void No_text_at_all_breaks_a_line() => Gen.String.Sample(text =>
    {
        string escaped = LogText.Escape(text);
        return escaped.Length <= LogText.MaxValueLength + 40
            && escaped.EnumerateRunes().All(rune => rune != Rune.ReplacementChar || text.Contains('\ufffd', StringComparison.Ordinal))
            && !escaped.Any(c => char.IsControl(c) || c is '\u2028' or '\u2029');
    });

    [Fact]
    public void A_line_has_time_level_message_and_pairs()
    {
        using Lines lines = new(LogLevel.Information);
        PeerSeen(lines.Logger, s_id, "Evil\n00:00:00.000 INFO  Fake line", 3);
        Assert.Equal(
            "05:06:07.089 INFO  Peer a448f24c6d18e575 seen name=\"Evil\\u000a00:00:00.000 INFO  Fake line\" count=3",
            Assert.Single(lines.All));
    }

    [Fact]
    public void Values_beyond_the_template_are_pairs_too()
    {
        using Lines lines = new(LogLevel.Information);
        var failure = new IOException("broken\npipe", new InvalidOperationException("because"));
        KeyValuePair<string, object?>[] state =
        [
            new("Stage", "connect"),
            new("Empty", ""),
            new("Quote", "say \"hi\""),
            new("{OriginalFormat}", "Dial failed {{braces}} {Missing}"),
        ];
        lines.Logger.Log(LogLevel.Warning, default, state, failure, (_, _) => "unused");
        Assert.Equal(
            "05:06:07.089 WARN  Dial failed {braces} none Stage=connect Empty=\"\" Quote=\"say \\\"hi\\\"\" error=\"broken\\u000apipe: because\"",
            Assert.Single(lines.All));
    }

    [Fact]
    public void A_message_without_a_template_is_escaped_as_a_whole()
    {
        using Lines lines = new(LogLevel.Information);
        lines.Logger.Log(LogLevel.Error, default, "state", null, (_, _) => "a\nb" + new string('x', 1000));
        Assert.StartsWith("05:06:07.089 ERROR a\\u000ab", Assert.Single(lines.All), StringComparison.Ordinal);
        Assert.True(lines.All[0].Length < 400);
    }

    [Fact]
    public void Less_important_messages_are_dropped()
    {
        using Lines lines = new(LogLevel.Warning);
        PeerSeen(lines.Logger, default, "x", 1);
        Assert.Empty(lines.All);
        using Lines silent = new(LogLevel.None);
        silent.Logger.Log(LogLevel.Critical, default, "state", null, (_, _) => "x");
        Assert.Empty(silent.All);
    }

    [Fact]
    public void Errors_are_described_by_their_causes_without_noise()
    {
        var reset = new IOException("Connection reset by peer");
        Assert.Equal("the connection broke: Connection reset by peer", LogText.Describe(new P2PException("the connection broke", reset)));
        Assert.Equal("handshake timeout", LogText.Describe(new HandshakeException("handshake timeout", new ObjectDisposedException("stream"))));
        Assert.Equal("MaxPeers must be at least 1", LogText.Describe(new ArgumentException("MaxPeers must be at least 1", "MaxPeers")));
    }

    [Theory]
    [InlineData(0.0000005, "0.5us")]
    [InlineData(0.00085, "850us")]
    [InlineData(0.0123, "12.3ms")]
    [InlineData(4.56, "4.56s")]
    [InlineData(3700, "01:01:40")]
    public void Durations_have_three_digits(double seconds, string expected) =>
        Assert.Equal(expected, LogText.FormatDuration(TimeSpan.FromSeconds(seconds)));

    [LoggerMessage(Level = LogLevel.Information, Message = "Peer {Id} seen name={Name} count={Count}")]
    private static partial void PeerSeen(ILogger logger, NodeId id, string name, int count);

    private sealed class Lines : IDisposable
    {
        private readonly StringWriter _output = new() { NewLine = "\n" };
        private readonly ConsoleLog _log;

        public Lines(LogLevel minimum)
        {
            var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 4, 5, 6, 7, 89, TimeSpan.Zero));
            time.SetLocalTimeZone(TimeZoneInfo.Utc);
            _log = new ConsoleLog(_output, minimum, time);
            Logger = _log.CreateLogger("test");
        }

        public ILogger Logger { get; }

        public string[] All => _output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

        public void Dispose() => _log.Dispose();
    }
}
