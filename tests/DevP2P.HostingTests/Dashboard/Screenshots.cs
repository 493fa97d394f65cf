using DevP2P.HostingTests.Hosting;
using DevP2P.Nodes;
using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>
/// Makes the pictures of docs/dashboard.md, of a live network. Only when asked for:
/// <c>DevP2P.HostingTests -explicit only -class "*.Screenshots"</c>.
/// </summary>
[Collection(ChromiumTests.Name)]
public sealed class Screenshots(Chromium chromium)
{
    /// <summary>Two minutes and a half of traffic, so that there is something to see.</summary>
    private const int Samples = 75;

    [Fact(Explicit = true)]
    public async Task Take()
    {
        await using LiveNetwork network = await LiveNetwork.StartAsync();
        string folder = Directory.CreateDirectory(Path.Combine(RepositoryRoot.Path, "docs", "images")).FullName;
        await using DashboardPage light = await DashboardPage.OpenAsync(chromium, network.Address, width: 1500);
        await using DashboardPage dark = await DashboardPage.OpenAsync(chromium, network.Address, scheme: ColorScheme.Dark, width: 1500);
        await using DashboardPage narrow = await DashboardPage.OpenAsync(chromium, network.Address, width: 400, height: 800);
        network.Node.Ban(DevP2P.Crypto.PrivateKey.Generate().PublicKey.NodeId, TimeSpan.FromHours(6), "asks for the same again and again");
        Server leaver = network.Servers[7];
        Node left = leaver.Self;
        await leaver.StopAsync();
        network.Node.AddPeer(left);
        network.Node.AddTrustedPeer(network.Servers[2].Self);
        await network.Servers[8].StopAsync();
        for (int i = 0; i < Samples; i++)
        {
            string before = await light.Field("uptime").InnerTextAsync();
            await Expect(light.Field("uptime")).Not.ToHaveTextAsync(before);
        }

        foreach ((DashboardPage page, string name) in new[] { (light, "light"), (dark, "dark"), (narrow, "narrow") })
        {
            await page.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"dashboard-{name}.png"), FullPage = true });
        }

        await light.Rows("peer-table").First.Locator("td").Nth(2).ClickAsync();
        await Expect(light["#peer-details"]).ToBeVisibleAsync();
        await light.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, "dashboard-peer.png") });
    }
}
