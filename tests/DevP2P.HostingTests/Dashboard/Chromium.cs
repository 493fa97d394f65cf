using Microsoft.Playwright;
using Xunit;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>The tests that need the browser, one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class ChromiumTests : ICollectionFixture<Chromium>
{
    public const string Name = "Chromium";
}

/// <summary>Debian's Chromium, started for the first test that asks for it.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private const string Executable = "/usr/bin/chromium";

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>The browser; skips the test where it is not installed, but fails in CI: a missing browser must not look like a passed test.</summary>
    public async Task<IBrowser> GetAsync()
    {
        if (!File.Exists(Executable))
        {
            string reason = "chromium is not installed, and ./test could not install it";
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", reason);
            Assert.Fail(reason);
        }

        _playwright ??= await Playwright.CreateAsync();
        return _browser ??= await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Executable, Headless = true, Args = ["--no-sandbox"] });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
    }
}
