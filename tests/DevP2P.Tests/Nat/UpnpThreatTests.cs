using System.Net;
using System.Net.Sockets;
using System.Text;
using DevP2P.Nat;
using Xunit;

namespace DevP2P.Tests.Nat;

/// <summary>UPnP with devices that mean harm, or are broken: whatever they do, a call ends, with an error that says why.</summary>
public sealed class UpnpThreatTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(300);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, NatError> Misbehaviours()
    {
        var all = new TheoryData<string, string, NatError>();
        foreach (string path in (string[])["/rootDesc.xml", "/ctl/0"])
        {
            all.Add(path, "silent", NatError.Timeout);
            all.Add(path, "slow", NatError.Timeout);
            all.Add(path, "slow headers", NatError.Timeout);
            all.Add(path, "hangs up", NatError.Malformed);
            all.Add(path, "garbage", NatError.Malformed);
            all.Add(path, "no XML", NatError.Malformed);
            all.Add(path, "megabyte", NatError.Malformed);
            all.Add(path, "megabyte without length", NatError.Malformed);
            all.Add(path, "megabyte of headers", NatError.Malformed);
            all.Add(path, "redirect", NatError.Malformed);
            all.Add(path, "not found", NatError.Malformed);
            all.Add(path, "DTD", NatError.Malformed);
            all.Add(path, "entities", NatError.Malformed);
            all.Add(path, "external entity", NatError.Malformed);
            all.Add(path, "deep", NatError.Malformed);
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Misbehaviours))]
    public async Task Whatever_a_device_does_a_call_ends_and_says_why(string path, string kind, NatError error)
    {
        await using var igd = new FakeIgd();
        igd.Instead = async (asked, stream, stop) =>
        {
            if (asked == path)
            {
                await MisbehaveAsync(igd, kind, stream, stop);
            }

            return asked == path;
        };
        // What should time out does so soon; for all else there is time enough.
        UpnpNetwork network = error == NatError.Timeout ? igd.Network with { HttpTimeout = Soon } : igd.Network;

        NatException e = await FailAsync(network);

        Assert.True(e.Error == error, $"{e.Error}: {e.Message}");
        Assert.StartsWith("no gateway that answers a search by UPnP can be used: ", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(e.Message, static c => c is < ' ' or > '~');
        Assert.Equal(kind is "megabyte" or "megabyte without length", e.Message.EndsWith("sends more than 131072 bytes", StringComparison.Ordinal));
        Assert.DoesNotContain("GET /elsewhere", igd.Requests);
    }

    [Fact]
    public async Task A_broken_device_does_not_stand_in_the_way_of_a_good_one()
    {
        await using var igd = new FakeIgd();
        await using var silent = new FakeIgd { Instead = NeverAsync };
        igd.Locations = () => [silent.Location, igd.Location];

        NatStatus status = await new Upnp(TimeProvider.System, igd.Network).GetStatusAsync(AddressFamily.InterNetwork, Token).AsTask().WithinDeadline();

        Assert.NotNull(status.ExternalAddress);
    }

    [Theory]
    [InlineData("http://127.0.0.2:{0}/rootDesc.xml")]
    [InlineData("http://localhost:{0}/rootDesc.xml")]
    [InlineData("https://127.0.0.1:{0}/rootDesc.xml")]
    [InlineData("http://u:p@127.0.0.1:{0}/rootDesc.xml")]
    [InlineData("file:///etc/passwd")]
    [InlineData("//127.0.0.1:{0}/rootDesc.xml")]
    [InlineData("x")]
    public async Task A_description_elsewhere_is_not_fetched(string location)
    {
        await using var igd = new FakeIgd();
        igd.Locations = () => [string.Format(null, location, new Uri(igd.Location).Port)];

        NatException e = await FailAsync(igd.Network with { SearchTimeout = Soon });

        Assert.Equal((NatError.NotFound, "no gateway answers a search by UPnP"), (e.Error, e.Message));
        Assert.Empty(igd.Requests);
    }

    [Theory]
    [InlineData("", "http://127.0.0.2:{0}/ctl/0", false)]
    [InlineData("", "//127.0.0.2:{0}/ctl/0", false)]
    [InlineData("", "https://127.0.0.1:{0}/ctl/0", false)]
    [InlineData("", "http://localhost:{0}/ctl/0", false)]
    [InlineData("", "", false)]
    [InlineData("", "http://127.0.0.1:{0}/ctl/0", true)]
    [InlineData("", "ctl/0", true)]
    [InlineData("<URLBase>http://127.0.0.1:{0}/ctl/x</URLBase>", "0", true)]
    // A base elsewhere does not count.
    [InlineData("<URLBase>http://127.0.0.2:{0}/</URLBase>", "/ctl/0", true)]
    public async Task Actions_are_called_on_the_same_host_only(string urlBase, string control, bool isUsed)
    {
        await using var igd = new FakeIgd();
        int port = new Uri(igd.Location).Port;
        igd.Description = () => FakeIgd.DescribeWith(
            string.Format(null, urlBase, port), [(UpnpService.WanIPConnection1, string.Format(null, control, port))]);
        var upnp = new Upnp(TimeProvider.System, igd.Network);
        Task<NatStatus> asking = upnp.GetStatusAsync(AddressFamily.InterNetwork, Token).AsTask().WithinDeadline();

        if (isUsed)
        {
            Assert.NotNull((await asking).ExternalAddress);
        }
        else
        {
            NatException e = await Assert.ThrowsAsync<NatException>(() => asking);
            Assert.Equal(NatError.Malformed, e.Error);
            Assert.EndsWith("describes no gateway that maps ports", e.Message, StringComparison.Ordinal);
            Assert.Empty(igd.Calls);
        }
    }

    [Fact]
    public async Task A_flood_of_answers_leads_to_few_requests()
    {
        await using var igd = new FakeIgd { Status = "Disconnected" };
        igd.Locations = () => Enumerable.Range(0, 1000).Select(i => igd.Location + "?" + i);

        await FailAsync(igd.Network);

        Assert.InRange(igd.Requests.Count(static request => request.StartsWith("GET", StringComparison.Ordinal)), 1, UpnpSearch.MaxLocationsPerHost);
    }

    [Fact]
    public async Task Answers_from_other_networks_do_not_count()
    {
        await using var igd = new FakeIgd();

        NatException e = await FailAsync(igd.Network with { FindInterfaces = static () => [new UpnpInterface(IPAddress.Any, 32)], SearchTimeout = Soon });

        Assert.Equal(NatError.NotFound, e.Error);
        Assert.Empty(igd.Requests);
    }

    [Fact]
    public async Task Nobody_answers()
    {
        await using var igd = new FakeIgd { Locations = static () => [] };

        Assert.Equal(NatError.NotFound, (await FailAsync(igd.Network with { SearchTimeout = Soon })).Error);
        Assert.Equal(NatError.NotFound, (await FailAsync(igd.Network with { FindInterfaces = static () => [] })).Error);
    }

    [Fact]
    public async Task A_caller_need_not_wait()
    {
        await using var igd = new FakeIgd();
        using var cancel = new CancellationTokenSource();
        igd.Instead = async (path, stream, stop) =>
        {
            await cancel.CancelAsync();
            return await NeverAsync(path, stream, stop);
        };
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => upnp.GetStatusAsync(AddressFamily.InterNetwork, cancel.Token).AsTask().WithinDeadline());

        // Its turn has ended.
        igd.Instead = null;
        Assert.NotNull((await upnp.GetStatusAsync(AddressFamily.InterNetwork, Token).AsTask().WithinDeadline()).ExternalAddress);
    }

    [Theory]
    [InlineData("not an address")]
    [InlineData("::1")]
    [InlineData("1.2.3")]
    public async Task An_address_that_is_none(string address)
    {
        await using var igd = new FakeIgd { Address = address };

        Assert.Equal(NatError.Malformed, (await FailAsync(igd.Network)).Error);
    }

    private static async Task<NatException> FailAsync(UpnpNetwork network)
    {
        var upnp = new Upnp(TimeProvider.System, network);
        return await Assert.ThrowsAsync<NatException>(() => upnp.GetStatusAsync(AddressFamily.InterNetwork, Token).AsTask().WithinDeadline());
    }

    private static async Task<bool> NeverAsync(string path, NetworkStream stream, CancellationToken stop)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        return true;
    }

    private static async Task MisbehaveAsync(FakeIgd igd, string kind, NetworkStream stream, CancellationToken stop)
    {
        const string Endless = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        switch (kind)
        {
            case "silent":
                await NeverAsync("", stream, stop);
                return;
            case "slow" or "slow headers":
                await WriteAsync(kind == "slow" ? Endless : "HTTP/1.1 200 OK\r\nX: ");
                while (true)
                {
                    await WriteAsync(" ");
                    await Task.Delay(20, stop);
                }

            case "megabyte without length":
                await WriteAsync(Endless + new string(' ', 1 << 20));
                return;
            default:
                await WriteAsync(kind switch
                {
                    "hangs up" => "",
                    "garbage" => "\u0001\u0002garbage\r\n\r\n",
                    "no XML" => FakeIgd.Ok("this is no XML"),
                    "megabyte" => FakeIgd.Ok(new string(' ', 1 << 20)),
                    "megabyte of headers" => "HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Repeat("X: yyyyyyyyyyyyy\r\n", 1 << 16)) + "\r\n",
                    "redirect" => FakeIgd.Raw("302 Found", "", $"Location: http://{igd.Authority}/elsewhere\r\n"),
                    "not found" => FakeIgd.Raw("404 Not Found", ""),
                    "DTD" => FakeIgd.Ok("<!DOCTYPE root>" + igd.Describe()[21..].TrimStart()),
                    "entities" => FakeIgd.Ok("<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]><root>&b;</root>"),
                    "external entity" => FakeIgd.Ok($"<!DOCTYPE r [<!ENTITY a SYSTEM \"http://{igd.Authority}/elsewhere\">]><root>&a;</root>"),
                    "deep" => FakeIgd.Ok(string.Concat(Enumerable.Repeat("<root>", 10_000))),
                    _ => throw new ArgumentException(kind),
                });
                return;
        }

        Task WriteAsync(string text) => stream.WriteAsync(Encoding.UTF8.GetBytes(text), stop).AsTask();
    }
}
