using System.Text.Json;
using DevP2P.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>A node in a web application on a free port of loopback.</summary>
internal sealed class WebNode : IAsyncDisposable
{
    private WebNode(WebApplication app)
    {
        App = app;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public WebApplication App { get; }

    public HttpClient Client { get; }

    public Server Server => App.Services.GetRequiredService<Server>();

    public static async Task<WebNode> StartAsync(Dictionary<string, string?> values, Action<IServiceCollection> services, Action<WebApplication>? routes = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(values);
        builder.Services.AddDevP2P(builder.Configuration.GetSection("DevP2P")).AddDevP2PProtocol(TestNode.Sink("sink"));
        services(builder.Services);
        WebApplication app = builder.Build();
        routes?.Invoke(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new WebNode(app);
    }

    public async Task<(int Status, JsonElement Body)> GetJsonAsync(string path)
    {
        using HttpResponseMessage answer = await Client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        using JsonDocument body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return ((int)answer.StatusCode, body.RootElement.Clone());
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
    }
}
