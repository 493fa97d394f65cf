using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>What the operator does reaches the node, after a question, and only then.</summary>
[Collection(ChromiumTests.Name)]
public sealed class ActionTests(Chromium chromium)
{
    [Fact]
    public async Task A_peer_is_disconnected_after_a_question()
    {
        var node = new MockNode(10);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        MockPeer peer = node.Peers[4];
        ILocator row = page.Row("peer-table", peer.Address);
        await row.GetByRole(AriaRole.Button, new() { Name = "Disconnect" }).ClickAsync();
        await Expect(page["#confirm-node"]).ToHaveTextAsync(peer.Id);

        // The button that changes nothing has the focus.
        await Expect(page["#confirm-no"]).ToBeFocusedAsync();
        await page.ConfirmAsync("Cancel");
        Assert.Empty(node.Calls);

        await row.GetByRole(AriaRole.Button, new() { Name = "Disconnect" }).ClickAsync();
        await page.ConfirmAsync("Disconnect");
        await page.ShowsAsync("peers-shown", "9");
        await Expect(row).ToHaveCountAsync(0);
        Assert.Equal([$"devp2p_disconnect [\"{peer.Id}\"]"], node.Calls);
        await Expect(page["#announcer"]).ToContainTextAsync("Disconnected");
    }

    [Fact]
    public async Task A_peer_is_trusted_and_no_longer_from_its_details()
    {
        var node = new MockNode(10);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        MockPeer peer = node.Peers[5];
        await page.Row("peer-table", peer.Address).Locator("td").Nth(2).ClickAsync();
        await Expect(page["#peer-facts"]).ToContainTextAsync(peer.Enode);
        await Expect(page["#reputation tbody tr"]).ToContainTextAsync(["−4.0dial failed: connect"]);
        await page["#details-trust"].ClickAsync();
        await page.ConfirmAsync("Trust");
        await Expect(page["#peer-details"]).ToBeHiddenAsync();
        await Expect(page.Row("peer-table", peer.Address)).ToContainTextAsync("trusted");
        Assert.True(peer.IsTrusted);

        await page.Row("peer-table", peer.Address).GetByRole(AriaRole.Button, new() { Name = "Remove trust" }).ClickAsync();
        await page.ConfirmAsync("Remove trust");
        await Expect(page.Row("peer-table", peer.Address)).Not.ToContainTextAsync("trusted");
        Assert.Equal([$"admin_addTrustedPeer [\"{peer.Enode}\"]", $"admin_removeTrustedPeer [\"{peer.Enode}\"]"], node.Calls);
    }

    [Fact]
    public async Task A_peer_is_banned_with_a_reason_and_unbanned()
    {
        var node = new MockNode(10);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        MockPeer peer = node.Peers[6];
        await page.Row("peer-table", peer.Address).GetByRole(AriaRole.Button, new() { Name = "Ban" }).ClickAsync();
        await page["#ban-duration"].SelectOptionAsync("86400");
        await page["#ban-reason"].FillAsync("wastes <our> time");
        await page.ConfirmAsync("Ban");
        await page.ShowsAsync("bans-shown", "1");
        await page.ShowsAsync("peers-shown", "9");
        Assert.Equal("wastes <our> time", (await page.ColumnAsync("ban-table", 2))[0]);
        Assert.StartsWith("23h", (await page.ColumnAsync("ban-table", 1))[0], StringComparison.Ordinal);

        // For good, by hand.
        await page["#ban-id"].FillAsync(node.Peers[0].Id);
        await page["#ban-id"].PressAsync("Enter");
        await page["#ban-duration"].SelectOptionAsync("");
        await page.ConfirmAsync("Ban");
        await page.ShowsAsync("bans-shown", "2");
        await Expect(page.Row("ban-table", "for good")).ToHaveCountAsync(1);

        await page.Row("ban-table", "wastes").GetByRole(AriaRole.Button, new() { Name = "Unban" }).ClickAsync();
        await page.ConfirmAsync("Unban");
        await page.ShowsAsync("bans-shown", "1");
        Assert.Equal(3, node.Calls.Count);
        Assert.Contains(node.Calls, call => call.StartsWith("devp2p_banPeer", StringComparison.Ordinal) && call.Contains("null", StringComparison.Ordinal));
        Assert.Contains($"devp2p_unbanPeer [\"{peer.Id}\"]", node.Calls);
    }

    [Fact]
    public async Task Limits_are_changed_and_nothing_wrong_is_sent()
    {
        var node = new MockNode(0);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await Expect(page["#limit-maxPeers"]).ToHaveValueAsync("50");
        await Expect(page["#limit-downloadBytesPerSecond"]).ToHaveValueAsync("1048576");
        await Expect(page["#limit-downloadBytesPerSecond + output"]).ToHaveTextAsync("1.0 MiB/s");
        await Expect(page["#limit-uploadBytesPerSecond"]).ToHaveValueAsync("");
        await Expect(page["#limits-apply"]).ToBeDisabledAsync();

        await page["#limit-maxPeers"].FillAsync("many");
        await Expect(page["#limit-maxPeers"]).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(page["#limits-apply"]).ToBeDisabledAsync();
        await page["#limit-maxPeers"].FillAsync("75");
        await page["#limit-uploadBytesPerSecond"].FillAsync("2,000,000");
        await page["#limit-downloadBytesPerSecond"].FillAsync("");

        // What the node says in between does not undo what is typed.
        node.Limits["maxPeers"] = 60;
        await page.ShowsAsync("peer-count", "0 / 60");
        await Expect(page["#limit-maxPeers"]).ToHaveValueAsync("75");
        await page["#limits-apply"].ClickAsync();
        await page.ShowsAsync("limits-outcome", "The limits hold from now on.");
        await page.ShowsAsync("peer-count", "0 / 75");
        Assert.Equal(75, node.Limits["maxPeers"]);
        Assert.Equal(2_000_000, node.Limits["uploadBytesPerSecond"]);
        Assert.Null(node.Limits["downloadBytesPerSecond"]);

        await page["#limit-maxPeers"].FillAsync("80");
        await page["#limits-reset"].ClickAsync();
        await Expect(page["#limit-maxPeers"]).ToHaveValueAsync("75");
        Assert.Single(node.Calls);
    }

    [Fact]
    public async Task Connecting_says_how_far_it_came()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page["#connect-url"].FillAsync(MockNode.Enode);
        await page["#connect-url"].PressAsync("Enter");
        await Expect(page.Field("connect-outcome")).ToContainTextAsync("connect: connection refused, after 122 ms. It is dialed further.");
        await page["#connect-url"].FillAsync("http:nonsense");
        await page["#connect-url"].PressAsync("Enter");
        await page.ShowsAsync("connect-outcome", "invalid enode: missing 'enode' scheme");
    }

    [Fact]
    public async Task A_refusal_by_the_node_is_told()
    {
        var node = new MockNode(2);
        node.Missing.Add("devp2p_disconnect");
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.Rows("peer-table").First.GetByRole(AriaRole.Button, new() { Name = "Disconnect" }).ClickAsync();
        await page.ConfirmAsync("Disconnect");
        await Expect(page["#announcer"]).ToContainTextAsync("Disconnect failed: the method devp2p_disconnect does not exist");
        await page.ShowsAsync("peers-shown", "2");
    }
}
