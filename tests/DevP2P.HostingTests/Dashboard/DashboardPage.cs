using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>
/// The dashboard in a browser context of its own. When it is disposed, the console must have been quiet and every request must have gone
/// to the page's own origin.
/// </summary>
internal sealed class DashboardPage : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly string _origin;
    private readonly ConcurrentQueue<string> _problems = new();
    private readonly ConcurrentQueue<string> _requests = new();

    private DashboardPage(IBrowserContext context, IPage page, string origin)
    {
        _context = context;
        _origin = origin;
        Page = page;
        page.SetDefaultTimeout(30_000);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                _problems.Enqueue($"{message.Type}: {message.Text} {message.Location}");
            }
        };
        page.PageError += (_, error) => _problems.Enqueue("exception: " + error);
        page.Request += (_, request) => _requests.Enqueue(request.Url);
        page.WebSocket += (_, socket) => _requests.Enqueue(socket.Url);
    }

    public IPage Page { get; }

    /// <summary>Console errors that the test itself brings about; the browser logs every connection that fails.</summary>
    public Func<string, bool> IsExpected { get; set; } = _ => false;

    /// <summary>What was requested, WebSockets included.</summary>
    public IReadOnlyCollection<string> Requests => _requests;

    public static async Task<DashboardPage> OpenAsync(
        Chromium chromium, Uri site, string hash = "", ColorScheme scheme = ColorScheme.Light, int width = 1440, int height = 1000, bool isOpen = true)
    {
        IBrowser browser = await chromium.GetAsync();
        IBrowserContext context = await browser.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = height },
            ColorScheme = scheme,
            ReducedMotion = ReducedMotion.Reduce,
            TimezoneId = "UTC",
            Locale = "en-GB",
        });
        var page = new DashboardPage(context, await context.NewPageAsync(), site.GetLeftPart(UriPartial.Authority));
        await page.Page.GotoAsync(new Uri(site, "/dashboard/" + hash).ToString());
        if (isOpen)
        {
            await page.ShowsAsync("link", "Connected");
        }

        return page;
    }

    public ILocator Field(string name) => Page.Locator($"[data-field='{name}']");

    public ILocator this[string selector] => Page.Locator(selector);

    /// <summary>Waits until a value is shown.</summary>
    public Task ShowsAsync(string field, string text) => Expect(Field(field)).ToHaveTextAsync(text, new() { Timeout = 30_000, UseInnerText = true });

    public Task ShowsAsync(string field, int number) => ShowsAsync(field, number.ToString(CultureInfo.InvariantCulture));

    /// <summary>The rows of a list that exist in the page, spacers left out.</summary>
    public ILocator Rows(string table) => Page.Locator($"#{table} tbody tr[aria-rowindex]");

    /// <summary>A row of a list, or of a table, with this text in it.</summary>
    public ILocator Row(string table, string text) => Page.Locator($"#{table} tbody tr").Filter(new() { HasText = text });

    /// <summary>The texts of a column of the rows that exist.</summary>
    public async Task<IReadOnlyList<string>> ColumnAsync(string table, int column) =>
        await Page.EvaluateAsync<string[]>(
            "([table, column]) => [...document.querySelectorAll(`#${table} tbody tr[aria-rowindex]`)].map(tr => tr.children[column].textContent)",
            new object[] { table, column });

    /// <summary>Waits for a condition that is written in JavaScript.</summary>
    public Task UntilAsync(string condition, object? argument = null) =>
        Page.WaitForFunctionAsync(condition, argument, new() { Timeout = 30_000, PollingInterval = 50 });

    /// <summary>Answers the question that an action asks.</summary>
    public async Task ConfirmAsync(string button)
    {
        await Expect(Page.Locator("#confirm")).ToBeVisibleAsync();
        await Page.Locator("#confirm").GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();
        await Expect(Page.Locator("#confirm")).ToBeHiddenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        Assert.DoesNotContain(_problems, problem => !IsExpected(problem));
        string socketOrigin = _origin.Replace("http", "ws", StringComparison.Ordinal);
        Assert.DoesNotContain(_requests, url =>
            !url.StartsWith(_origin + "/", StringComparison.Ordinal) && !url.StartsWith(socketOrigin + "/", StringComparison.Ordinal));
        Assert.NotEmpty(_requests);
    }
}
