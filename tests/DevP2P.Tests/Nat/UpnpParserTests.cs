using System.Net;
using System.Text;
using System.Xml.Linq;
using DevP2P.Nat;
using Xunit;

namespace DevP2P.Tests.Nat;

/// <summary>What gateways send, read without any socket.</summary>
public sealed class UpnpParserTests
{
    private static readonly Uri Location = new("http://192.168.1.1:5000/rootDesc.xml");

    [Fact]
    public void A_search_is_what_the_specification_wants()
    {
        Assert.Equal(
            "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: urn:x\r\n\r\n",
            Encoding.ASCII.GetString(SsdpMessage.WriteSearch("urn:x", 1)));
        Assert.Equal(5, SsdpMessage.SearchTargets.Distinct().Count());
        Assert.All(SsdpMessage.SearchTargets, static target => Assert.True(TryParse(FakeIgd.SsdpAnswer("http://1.2.3.4/", target))));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:service:WANIPConnection:1\r\nLOCATION: http://192.168.1.1:5000/x\r\n\r\n", true)]
    [InlineData("HTTP/1.0 200 OK\nst:urn:schemas-upnp-org:service:WANIPConnection:1\nlocation :\t http://192.168.1.1:5000/x", true)]
    [InlineData("HTTP/1.1 404 No\r\nST: urn:schemas-upnp-org:service:WANIPConnection:1\r\nLOCATION: http://192.168.1.1:5000/x\r\n\r\n", false)]
    [InlineData("NOTIFY * HTTP/1.1\r\nST: urn:schemas-upnp-org:service:WANIPConnection:1\r\nLOCATION: http://192.168.1.1:5000/x\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: http://192.168.1.1:5000/x\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1:5000/x\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:service:WANIPConnection:1\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:service:WANIPConnection:1\r\nLOCATION: \r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:service:WANIPConnection:1\r\nLOCATION: http://a/\r\nLOCATION: http://b/\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:service:WANIPConnection:1\r\nLOCATION: http://192.168.1.1/a b\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:service:WANIPConnection:1\r\nLOCATION: http://192.168.1.1/\u0007\r\n\r\n", false)]
    [InlineData("", false)]
    public void Answers_to_a_search(string text, bool isAnswer)
    {
        Assert.Equal(isAnswer, SsdpMessage.TryParse(Encoding.ASCII.GetBytes(text), out SsdpMessage message));
        Assert.Equal(isAnswer, message.TryGetLocation(IPAddress.Parse("192.168.1.1"), out Uri? location));
        Assert.Equal(isAnswer ? "http://192.168.1.1:5000/x" : null, location?.AbsoluteUri);
        Assert.False(message.TryGetLocation(IPAddress.Parse("192.168.1.2"), out _));
    }

    [Fact]
    public void Answers_are_bounded()
    {
        string answer = FakeIgd.SsdpAnswer("http://1.2.3.4/");

        Assert.True(TryParse(answer.PadRight(SsdpMessage.MaxSize)));
        Assert.False(TryParse(answer.PadRight(SsdpMessage.MaxSize + 1)));
        Assert.False(TryParse(FakeIgd.SsdpAnswer("http://1.2.3.4/" + new string('x', 512))));
    }

    [Fact]
    public void Services_are_found_wherever_they_are_the_best_first()
    {
        string xml = FakeIgd.DescribeWith("", [
            (UpnpService.WanPppConnection1, "/ppp"), (UpnpService.WanIPConnection1, "ip1"), (UpnpService.WanIPConnection2, "http://192.168.1.1:80/ip2"),
            ("urn:schemas-upnp-org:service:WANIPConnection:3", "/ip3"), (UpnpService.WanIPConnection1, "http://192.168.1.2/other")]);

        Assert.Equal(["http://192.168.1.1/ip2", "http://192.168.1.1:5000/ip1", "http://192.168.1.1:5000/ppp"], UrlsOf("\uFEFF\r\n" + xml + "\0")!);
    }

    [Theory]
    [InlineData("<URLBase>http://192.168.1.1:6000/a/</URLBase>", "b?c=1", "http://192.168.1.1:6000/a/b?c=1")]
    [InlineData("<URLBase>http://192.168.1.1:6000</URLBase>", "b", "http://192.168.1.1:6000/b")]
    [InlineData("<URLBase>http://192.168.1.2:6000/a/</URLBase>", "b", "http://192.168.1.1:5000/b")]
    [InlineData("<URLBase></URLBase>", "b", "http://192.168.1.1:5000/b")]
    [InlineData("<URLBase/>", "b", "http://192.168.1.1:5000/b")]
    [InlineData("", "  <![CDATA[/b]]>\r\n ", "http://192.168.1.1:5000/b")]
    [InlineData("", "&#47;b", "http://192.168.1.1:5000/b")]
    public void Control_URLs_are_resolved(string urlBase, string control, string expected) =>
        Assert.Equal([expected], UrlsOf(FakeIgd.DescribeWith(urlBase, [(UpnpService.WanIPConnection1, control)]))!);

    [Fact]
    public void Services_are_bounded_in_number() => Assert.Equal(
        UpnpDescription.MaxServices,
        UrlsOf(FakeIgd.DescribeWith("", Enumerable.Range(0, 100).Select(i => (UpnpService.WanIPConnection1, $"/{i}"))))!.Length);

    [Theory]
    [InlineData("<!DOCTYPE root>", "")]
    [InlineData("<!DOCTYPE root [<!ENTITY a \"b\">]>", "&a;")]
    [InlineData("<!DOCTYPE root SYSTEM \"http://192.168.1.1/x.dtd\">", "")]
    [InlineData("", "&a;")]
    [InlineData("", "<unclosed>")]
    [InlineData("", "&#0;")]
    public void No_document_type_no_entities_nothing_that_is_not_well_formed(string start, string inner)
    {
        string xml = FakeIgd.DescribeWith("", [(UpnpService.WanIPConnection1, "/a")])["<?xml version=\"1.0\"?>".Length..].TrimStart();
        Assert.NotNull(UrlsOf(xml));

        Assert.Null(UrlsOf(start + xml.Replace("<device>", "<device>" + inner, StringComparison.Ordinal)));
    }

    [Fact]
    public void Documents_are_bounded_in_size_depth_and_text()
    {
        string xml = FakeIgd.DescribeWith("", [(UpnpService.WanIPConnection1, "/a")]);
        string Padded(int size) => xml.Replace("</root>", new string(' ', size - xml.Length) + "</root>", StringComparison.Ordinal);
        string Nested(int depth) => xml.Replace(
            "</root>", string.Concat(Enumerable.Repeat("<a>", depth)) + string.Concat(Enumerable.Repeat("</a>", depth)) + "</root>", StringComparison.Ordinal);

        Assert.NotNull(UrlsOf(Padded(UpnpXml.MaxSize)));
        Assert.Null(UrlsOf(Padded(UpnpXml.MaxSize + 1)));
        Assert.NotNull(UrlsOf(Nested(UpnpXml.MaxDepth - 1)));
        Assert.Null(UrlsOf(Nested(UpnpXml.MaxDepth)));
        Assert.Empty(UrlsOf(FakeIgd.DescribeWith("", [(UpnpService.WanIPConnection1, "/" + new string('a', UpnpXml.MaxTextLength))]))!);
    }

    [Theory]
    [InlineData("<html></html>")]
    [InlineData("")]
    [InlineData("{}")]
    public void What_is_no_description(string text) => Assert.Null(UrlsOf(text));

    [Fact]
    public void A_call_is_XML_with_its_arguments()
    {
        byte[] call = SoapMessage.WriteCall(UpnpService.WanIPConnection1, "Do", ("A", "<&>\"'"), ("B", ""));

        XElement action = XDocument.Parse(Encoding.UTF8.GetString(call)).Root!.Elements().Single().Elements().Single();
        Assert.Equal(XName.Get("Do", UpnpService.WanIPConnection1), action.Name);
        Assert.Equal([("A", "<&>\"'"), ("B", "")], action.Elements().Select(static e => (e.Name.ToString(), e.Value)));
    }

    [Fact]
    public void An_answer_has_values()
    {
        SoapMessage answer = Parse(FakeIgd.Soap("DoResponse", "urn:x", ("A", " 1 "), ("B", ""), ("C", "<D>2</D>")))!;

        Assert.Equal("DoResponse", answer.Name);
        Assert.Null(answer.FaultCode);
        Assert.Equal("1", answer["A"]);
        Assert.Equal("", answer["B"]);
        Assert.Null(answer["D"]);
    }

    [Fact]
    public void An_error_has_a_number_and_a_text()
    {
        SoapMessage answer = Parse(FakeIgd.SoapFault(718, "Conflict\u00e9\n&lt;"))!;

        Assert.Equal(("Fault", 718, "Conflict??<"), (answer.Name, answer.FaultCode, answer.FaultText));
    }

    [Theory]
    [InlineData("<Envelope/>")]
    [InlineData("<Envelope><Body/></Envelope>")]
    [InlineData("<Envelope><Header><a/></Header></Envelope>")]
    [InlineData("<Other><Body><a/></Body></Other>")]
    [InlineData("<Envelope><Body><Fault/></Body></Envelope>")]
    [InlineData("<Envelope><Body><Fault><detail><errorCode>-1</errorCode></detail></Fault></Body></Envelope>")]
    [InlineData("<!DOCTYPE a><Envelope><Body><aResponse/></Body></Envelope>")]
    [InlineData("<Envelope><Body><aResponse/></Body>")]
    [InlineData("")]
    public void What_is_no_answer(string text) => Assert.Null(Parse(text));

    [Fact]
    public void Values_are_bounded_in_number()
    {
        SoapMessage answer = Parse(FakeIgd.Soap("DoResponse", "urn:x", [.. Enumerable.Range(0, 100).Select(static i => ($"A{i}", "x"))]))!;

        Assert.Equal("x", answer[$"A{SoapMessage.MaxValues - 1}"]);
        Assert.Null(answer[$"A{SoapMessage.MaxValues}"]);
    }

    private static bool TryParse(string text) => SsdpMessage.TryParse(Encoding.ASCII.GetBytes(text), out _);

    private static string[]? UrlsOf(string xml) => UpnpDescription.TryParse(Encoding.UTF8.GetBytes(xml), Location, out IReadOnlyList<UpnpService> services)
        ? [.. services.Select(static service => service.ControlUrl.AbsoluteUri)]
        : null;

    private static SoapMessage? Parse(string text) => SoapMessage.TryParse(Encoding.UTF8.GetBytes(text), out SoapMessage? message) ? message : null;
}
