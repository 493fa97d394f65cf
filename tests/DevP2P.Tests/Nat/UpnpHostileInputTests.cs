using System.Net;
using System.Text;
using DevP2P.Nat;
using Xunit;

namespace DevP2P.Tests.Nat;

/// <summary>A million inputs, random and mutated: nothing is thrown, and no input costs more memory than its bound allows.</summary>
public sealed class UpnpHostileInputTests
{
    private const int SsdpInputs = 900_000;
    private const int DescriptionInputs = 50_000;
    private const int SoapInputs = 50_000;

    /// <summary>A reader of XML has buffers of its own, of this size at most, and all text is held as UTF-16.</summary>
    private const int XmlOverhead = 128 * 1024;
    private const int PerByte = 24;

    private static readonly Uri Location = new("http://192.168.1.1:5000/rootDesc.xml");
    private static readonly IPAddress Sender = IPAddress.Parse("192.168.1.1");

    [Fact]
    public void Answers_to_a_search() => Check(SsdpInputs, FakeIgd.SsdpAnswer("http://192.168.1.1:5000/rootDesc.xml"), overhead: 32 * 1024, perByte: 8, static input =>
    {
        if (!SsdpMessage.TryParse(input, out SsdpMessage message))
        {
            return false;
        }

        if (message.TryGetLocation(Sender, out Uri? url))
        {
            Assert.Equal(("http", "192.168.1.1"), (url.Scheme, url.Host));
        }

        return true;
    });

    [Fact]
    public void Descriptions() => Check(
        DescriptionInputs,
        FakeIgd.DescribeWith("<URLBase>http://192.168.1.1:5000/</URLBase>", [(UpnpService.WanIPConnection1, "/a"), (UpnpService.WanPppConnection1, "http://192.168.1.1/b")]),
        XmlOverhead,
        PerByte,
        static input =>
        {
            bool isGood = UpnpDescription.TryParse(input, Location, out IReadOnlyList<UpnpService> services);
            Assert.True(isGood || services.Count == 0);
            Assert.All(services, static service => Assert.True(UpnpService.IsAt(service.ControlUrl, Sender) && service.Rank > 0));
            return isGood;
        });

    [Fact]
    public void Answers_to_calls() => Check(
        SoapInputs / 2,
        FakeIgd.Soap("GetStatusInfoResponse", UpnpService.WanIPConnection1, ("NewConnectionStatus", "Connected"), ("NewUptime", "4711")),
        XmlOverhead,
        PerByte,
        static input => SoapMessage.TryParse(input, out _));

    [Fact]
    public void Errors() => Check(SoapInputs / 2, FakeIgd.SoapFault(718, "ConflictInMappingEntry"), XmlOverhead, PerByte, static input =>
    {
        if (!SoapMessage.TryParse(input, out SoapMessage? message))
        {
            return false;
        }

        Assert.DoesNotContain(message.FaultText, static c => c is < ' ' or > '~');
        return true;
    });

    [Theory]
    [InlineData("<a>")]
    [InlineData("<a></a>")]
    [InlineData("<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/a</controlURL></service>")]
    [InlineData("x")]
    [InlineData("&lt;")]
    [InlineData("<![CDATA[x]]>")]
    [InlineData("<!--x-->")]
    [InlineData("<?x y?>")]
    public void Documents_as_long_as_can_be(string part)
    {
        foreach ((string start, string end) in ((string, string)[])[("<root>", "</root>"), ("<Envelope><Body><aResponse>", "</aResponse></Body></Envelope>"), ("<root a='", "'/>")])
        {
            int count = (UpnpXml.MaxSize - start.Length - end.Length) / part.Length;
            byte[] input = Encoding.ASCII.GetBytes(start + string.Concat(Enumerable.Repeat(part, count)) + end);

            long before = GC.GetAllocatedBytesForCurrentThread();
            bool isDescription = UpnpDescription.TryParse(input, Location, out IReadOnlyList<UpnpService> services);
            bool isAnswer = SoapMessage.TryParse(input, out _);

            Assert.False(isDescription && isAnswer);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 2 * (XmlOverhead + (PerByte * (long)input.Length)));
            Assert.InRange(services.Count, 0, UpnpDescription.MaxServices);
        }
    }

    private delegate bool Parser(ReadOnlySpan<byte> input);

    private static void Check(int count, string sample, long overhead, int perByte, Parser parse)
    {
        byte[] good = Encoding.UTF8.GetBytes(sample);
        Assert.True(parse(good));
        var random = new Random(1);
        long worst = 0;
        int accepted = 0;
        for (int i = 0; i < count; i++)
        {
            byte[] input = i % 10 == 0 ? Noise(random) : Mutate(random, good);
            long before = GC.GetAllocatedBytesForCurrentThread();
            accepted += parse(input) ? 1 : 0;
            worst = Math.Max(worst, GC.GetAllocatedBytesForCurrentThread() - before - (perByte * (long)input.Length));
        }

        // Both ways through were taken often.
        Assert.InRange(accepted, count / 100, count - (count / 100));
        Assert.True(worst <= overhead, $"{worst} bytes");
    }

    private static byte[] Noise(Random random)
    {
        byte[] bytes = new byte[random.Next(300)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Mutate(Random random, byte[] good)
    {
        var bytes = new List<byte>(good);
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(bytes.Count);
            int length = Math.Min(random.Next(1, 40), bytes.Count - at);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] = (byte)"<>/&:;\"' \r\n\0"[random.Next(12)];
                    break;
                case 2 when length < bytes.Count:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length));
                    break;
                default:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
            }
        }

        return [.. bytes];
    }
}
