using System.Globalization;
using DevP2P.Dialing;
using DevP2P.Discovery;
using DevP2P.Nodes;
using DevP2P.Reputation;
using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>The dashboard of a node among ten on loopback, from the browser through the admin API to the node: what is shown is true, what is done is done.</summary>
[Collection(ChromiumTests.Name)]
public sealed class LiveNetworkTests(Chromium chromium)
{
    [Fact]
    public async Task Every_panel_shows_the_truth()
    {
        await using LiveNetwork network = await LiveNetwork.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, network.Address);
        Server node = network.Node;

        await page.ShowsAsync("title", node.Options.Name);
        await page.ShowsAsync("id", node.Self.Id.ToString());
        await page.ShowsAsync("enode", node.GetNodeInfo().Enode);
        await page.ShowsAsync("enr", node.GetNodeInfo().Enr);
        await page.ShowsAsync("listening", node.ListenEndPoints.Single().ToString());
        await page.ShowsAsync("nat", "none");
        await page.ShowsAsync("clock", "not checked");
        await page.ShowsAsync("advertised4", $"127.0.0.1 tcp {node.Self.TcpPort}, udp {node.Self.UdpPort}");
        await page.UntilAsync("() => document.getElementById('qr').naturalWidth > 0");

        await page.ShowsAsync("peer-count", $"{LiveNetwork.Size - 1} / {node.Limits.MaxPeers}");
        await page.ShowsAsync("peers-shown", LiveNetwork.Size - 1);
        await page.ShowsAsync("peers-in", node.Peers.Count(peer => peer.IsInbound));
        await page.ShowsAsync("peers-out", node.Peers.Count(peer => !peer.IsInbound));
        foreach (Peer peer in node.Peers)
        {
            string id = peer.Id.ToString();
            ILocator row = page.Row("peer-table", $"{id[..8]}…{id[^4..]}");
            await Expect(row.Locator("td").Nth(0)).ToHaveTextAsync(peer.IsInbound ? "in" : "out");
            await Expect(row.Locator("td").Nth(2)).ToHaveTextAsync(peer.FullName);
            await Expect(row.Locator("td").Nth(3)).ToHaveTextAsync(peer.RemoteEndPoint!.ToString()!);
            await Expect(row.Locator("td").Nth(4)).ToHaveTextAsync(string.Join(' ', peer.Capabilities));

            // Everybody talks: a rate is there, and it is not 0.
            await Expect(row.Locator("td").Nth(7)).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"^[1-9][\d.]* (B|KiB)/s$"));
        }

        // Names and order of protocols, and totals that grow as the node's own.
        await Expect(page["#traffic-table tbody th"]).ToHaveCountAsync(node.GetTraffic().Count);
        foreach (ProtocolTraffic traffic in node.GetTraffic())
        {
            ILocator row = page["#traffic-table tbody tr"].Filter(new() { HasText = traffic.Protocol });
            await page.UntilAsync(
                """([name, count]) => [...document.querySelectorAll('#traffic-table tbody tr')].some(tr => tr.children[0].textContent === name && Number(tr.children[5].textContent.replaceAll(',', '')) >= count)""",
                new object[] { traffic.Protocol, traffic.MessagesIn });
            await Expect(row).ToHaveCountAsync(1);
        }

        await ShowsCountersAsync(page, node);
        await ShowsTableAsync(page, "v4", node.DiscoveryV4!.GetTable);
        await ShowsTableAsync(page, "v5", node.DiscoveryV5!.GetTable);
        await Expect(page["#tab-legacy"]).ToBeDisabledAsync();
        await Expect(page["#limit-maxPeers"]).ToHaveValueAsync(node.Limits.MaxPeers.ToString(CultureInfo.InvariantCulture));
        await page.ShowsAsync("bans-shown", "0");
    }

    [Fact]
    public async Task Dials_drops_and_events_are_shown_as_they_happen()
    {
        await using LiveNetwork network = await LiveNetwork.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, network.Address);
        Server node = network.Node;
        await page.ShowsAsync("peers-shown", LiveNetwork.Size - 1);

        // One that is not there: the port was free a moment ago, and the node that had it is gone.
        Node gone = await GoneAsync();
        await page["#connect-url"].FillAsync(gone.ToString());
        await page["#connect-url"].PressAsync("Enter");
        await Expect(page.Field("connect-outcome")).ToContainTextAsync("connect:");
        DialAttempt attempt = node.GetDialHistory(gone.Id)[0];
        await Expect(page.Row("dial-table", Short(gone.Id)).First).ToContainTextAsync(attempt.Reason);
        await Expect(page.Row("event-table", Short(gone.Id)).First).ToContainTextAsync(attempt.Reason);

        // One that leaves by itself.
        Server leaver = network.Servers[3];
        NodeId left = leaver.Self.Id;
        await leaver.StopAsync();
        await page.ShowsAsync("peers-shown", LiveNetwork.Size - 2);
        await Expect(page.Row("event-table", Short(left)).Filter(new() { HasText = "peer dropped" })).ToHaveCountAsync(1);
        await ShowsCountersAsync(page, node);
    }

    [Fact]
    public async Task Actions_act_on_the_node()
    {
        await using LiveNetwork network = await LiveNetwork.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, network.Address);
        Server node = network.Node;
        await page.ShowsAsync("peers-shown", LiveNetwork.Size - 1);
        Server[] others = [.. network.Servers.Skip(1)];

        // Trust, and no longer.
        NodeId trusted = others[0].Self.Id;
        await page.Row("peer-table", Short(trusted)).GetByRole(AriaRole.Button, new() { Name = "Trust" }).ClickAsync();
        await page.ConfirmAsync("Trust");
        await Expect(page.Row("peer-table", Short(trusted))).ToContainTextAsync("trusted");
        Assert.True(node.Peers.Single(peer => peer.Id == trusted).IsTrusted);
        await page.Row("peer-table", Short(trusted)).GetByRole(AriaRole.Button, new() { Name = "Remove trust" }).ClickAsync();
        await page.ConfirmAsync("Remove trust");
        await Expect(page.Row("peer-table", Short(trusted))).Not.ToContainTextAsync("trusted");
        Assert.False(node.Peers.Single(peer => peer.Id == trusted).IsTrusted);

        // Disconnect: it does not come back at once.
        NodeId dropped = others[1].Self.Id;
        await page.Row("peer-table", Short(dropped)).GetByRole(AriaRole.Button, new() { Name = "Disconnect" }).ClickAsync();
        await page.ConfirmAsync("Disconnect");
        await Expect(page.Row("peer-table", Short(dropped))).ToHaveCountAsync(0);
        Assert.DoesNotContain(node.Peers, peer => peer.Id == dropped);

        // Ban, with the peer's details open, and unban. One that has dialed us: a static node is not banned.
        NodeId banned = others[6].Self.Id;
        await page.Row("peer-table", Short(banned)).Locator("td").Nth(2).ClickAsync();
        await page["#details-ban"].ClickAsync();
        await page["#ban-reason"].FillAsync("for the test");
        await page.ConfirmAsync("Ban");
        await page.ShowsAsync("bans-shown", "1");
        Ban ban = Assert.Single(node.Bans);
        Assert.Equal((banned, "for the test"), (ban.Id, ban.Reason));
        Assert.InRange(ban.Until!.Value - ban.Since, TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(61));
        await Expect(page.Row("peer-table", Short(banned))).ToHaveCountAsync(0);
        await Expect(page.Row("event-table", "for the test").First).ToContainTextAsync("banned");
        await page.Row("ban-table", Short(banned)).GetByRole(AriaRole.Button, new() { Name = "Unban" }).ClickAsync();
        await page.ConfirmAsync("Unban");
        await page.ShowsAsync("bans-shown", "0");
        Assert.Empty(node.Bans);

        // Limits.
        await page["#limit-maxPeers"].FillAsync("33");
        await page["#limit-uploadBytesPerSecond"].FillAsync("4000000");
        await page["#limits-apply"].ClickAsync();
        await page.ShowsAsync("limits-outcome", "The limits hold from now on.");
        Assert.Equal(33, node.Limits.MaxPeers);
        Assert.Equal(4_000_000, node.Limits.UploadBytesPerSecond);
        Assert.Null(node.Limits.DownloadBytesPerSecond);
        await Expect(page.Field("peer-count")).ToContainTextAsync("/ 33");
    }

    private static async Task<Node> GoneAsync()
    {
        await using var server = new Server(TestSite.Options());
        await server.StartAsync(TestContext.Current.CancellationToken);
        return server.Self;
    }

    /// <summary>Counters go on while the page asks: each must come to be shown as it is at some moment.</summary>
    private static async Task ShowsCountersAsync(DashboardPage page, Server node)
    {
        await UntilSameAsync(
            () => page.Page.EvaluateAsync<string>("""
                () => ['accepted', 'dialed', 'offered', 'added'].map(n => document.querySelector(`[data-field=${n}]`).textContent)
                  .concat(['dropped', 'refused'].flatMap(id => [...document.querySelectorAll(`#${id} tbody tr`)].map(tr => tr.textContent).sort())).join('|')
                """),
            () =>
            {
                ServerCounters counters = node.GetCounters();
                return string.Join('|', new[] { counters.Accepted, counters.Dialed, counters.Offered, counters.Added }.Select(Text)
                    .Concat(Reasons(counters.Dropped)).Concat(Reasons(counters.Refused)));
            });

        static string Text(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

        static IEnumerable<string> Reasons(IReadOnlyDictionary<string, long> reasons) => reasons.Count == 0
            ? ["none"]
            : reasons.Select(reason => reason.Key + Text(reason.Value)).Order(StringComparer.Ordinal);
    }

    /// <summary>The nodes of a table, bucket by bucket, are those that the node has.</summary>
    private static async Task ShowsTableAsync(DashboardPage page, string version, Func<RoutingTable> table)
    {
        await page[$"#tab-{version}"].ClickAsync();
        await UntilSameAsync(
            () => page.Page.EvaluateAsync<string>("""
                () => [...document.querySelectorAll('#buckets .bucket')].reverse().filter(row => row.querySelector('.node'))
                  .map(row => row.firstElementChild.textContent + ': ' + [...row.querySelectorAll('.node')].map(c => c.node.id).sort().join(' ')).join('|')
                """),
            () => string.Join('|', table().Buckets.Where(bucket => bucket.Entries.Count + bucket.Replacements.Count > 0).Select(bucket =>
                (bucket.MinDistance == bucket.MaxDistance ? $"{bucket.MaxDistance}" : $"{bucket.MinDistance}–{bucket.MaxDistance}") + ": "
                + string.Join(' ', bucket.Entries.Concat(bucket.Replacements).Select(entry => entry.Node.Id.ToString()).Order(StringComparer.Ordinal)))));
    }

    /// <summary>Waits until the page shows what the node says; both may change meanwhile.</summary>
    private static async Task UntilSameAsync(Func<Task<string>> shown, Func<string> actual)
    {
        DateTime end = DateTime.UtcNow + TestSite.Deadline;
        while (true)
        {
            string expected = actual();
            string text = await shown();
            if (text == expected && text == actual())
            {
                return;
            }

            if (DateTime.UtcNow > end)
            {
                Assert.Equal(expected, text);
            }

            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private static string Short(NodeId id) => $"{id.ToString()[..8]}…{id.ToString()[^4..]}";
}
