using System.Net;
using System.Xml.Linq;
using DevP2P.Hosting;
using Xunit;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>What <c>MapDevP2PDashboard</c> serves, without a browser.</summary>
public sealed class DashboardFilesTests
{
    [Fact]
    public async Task The_page_and_all_its_files_have_their_types_and_a_strict_policy()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        using var client = new HttpClient { BaseAddress = site.Address };
        Assert.True(DashboardFiles.Paths.Count() > 15);
        foreach (string path in DashboardFiles.Paths.Append(""))
        {
            using HttpResponseMessage answer = await client.GetAsync("dashboard/" + path, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            string expected = Path.GetExtension(path) switch
            {
                ".js" => "text/javascript", ".css" => "text/css", ".svg" => "image/svg+xml", _ => "text/html",
            };
            Assert.Equal(expected, answer.Content.Headers.ContentType!.MediaType);
            Assert.Equal("nosniff", Header(answer, "X-Content-Type-Options"));
            Assert.Equal("no-referrer", Header(answer, "Referrer-Policy"));
            string policy = Header(answer, "Content-Security-Policy");
            Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
            Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
            Assert.Contains("style-src 'self';", policy, StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_file_that_the_browser_has_is_not_sent_again()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        using var client = new HttpClient { BaseAddress = site.Address };
        using HttpResponseMessage first = await client.GetAsync("dashboard/js/main.js", TestContext.Current.CancellationToken);
        using var again = new HttpRequestMessage(HttpMethod.Get, "dashboard/js/main.js");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using HttpResponseMessage second = await client.SendAsync(again, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);

        using var other = new HttpRequestMessage(HttpMethod.Get, "dashboard/js/main.js");
        other.Headers.TryAddWithoutValidation("If-None-Match", "\"another\"");
        using HttpResponseMessage third = await client.SendAsync(other, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, third.StatusCode);
        Assert.True(third.Headers.CacheControl!.NoCache);
    }

    [Fact]
    public async Task Only_the_files_are_served_and_only_read()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var client = new HttpClient(handler) { BaseAddress = site.Address };
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("dashboard/no-such-file.js", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("dashboard/..%2f..%2fetc%2fpasswd", TestContext.Current.CancellationToken)).StatusCode);
        using HttpResponseMessage folder = await client.GetAsync("dashboard", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Redirect, folder.StatusCode);
        Assert.Equal("/dashboard/", folder.Headers.Location!.ToString());
        using HttpResponseMessage posted = await client.PostAsync("dashboard/", new StringContent(""), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
        using var head = new HttpRequestMessage(HttpMethod.Head, "dashboard/");
        using HttpResponseMessage headers = await client.SendAsync(head, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, headers.StatusCode);
        Assert.True(headers.Content.Headers.ContentLength > 1000);
    }

    [Fact]
    public async Task Qr_codes_are_drawn_of_short_texts_only()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        using var client = new HttpClient { BaseAddress = site.Address };
        string svg = await client.GetStringAsync("dashboard/qr.svg?text=" + Uri.EscapeDataString(MockNode.Enode), TestContext.Current.CancellationToken);
        XElement image = XDocument.Parse(svg).Root!;

        // 21 modules and four more for each version, and four of quiet zone on each side.
        int size = int.Parse(image.Attribute("viewBox")!.Value.Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(0, (size - 8 - 21) % 4);
        Assert.StartsWith("M4 4h7v1h-7z", image.Elements().Last().Attribute("d")!.Value, StringComparison.Ordinal);

        Assert.Equal(HttpStatusCode.BadRequest, (await client.GetAsync("dashboard/qr.svg", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("dashboard/qr.svg?text=" + new string('x', QrImage.MaxText), TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await client.GetAsync("dashboard/qr.svg?text=" + new string('x', QrImage.MaxText + 1), TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public void Files_name_nothing_outside_and_have_no_inline_script_or_style()
    {
        foreach (string path in DashboardFiles.Paths)
        {
            string text = System.Text.Encoding.UTF8.GetString(DashboardFiles.Find(path)!.Content.Span);
            Assert.DoesNotMatch("""(https?:)?//[a-z0-9-]+\.[a-z]""", text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal));
            Assert.DoesNotMatch("""\.(innerHTML|outerHTML|insertAdjacentHTML)|document\.write|\beval\(|new Function""", text);
            if (path.EndsWith(".html", StringComparison.Ordinal))
            {
                Assert.DoesNotMatch("""<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=""", text);
            }
        }
    }

    private static string Header(HttpResponseMessage answer, string name) => Assert.Single(answer.Headers.GetValues(name));
}
