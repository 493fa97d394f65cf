using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using DevP2P.Diagnostics;
using DevP2P.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>Metrics for Prometheus, metrics and traces by OTLP.</summary>
public sealed class TelemetryTests
{
    [Fact]
    public async Task Metrics_are_served_for_Prometheus()
    {
        await using WebNode node = await WebNode.StartAsync(
            TestNode.Section(), static services => services.AddDevP2PMetrics(), static app => app.MapDevP2PMetrics());
        using var meter = new Meter(DevP2PDiagnostics.MeterName);
        meter.CreateCounter<long>("devp2p.test.things", "{thing}", "Things of a test").Add(3, new KeyValuePair<string, object?>("kind", "odd"));

        string text = await node.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);

        Assert.Contains("# HELP devp2p_test_things_total Things of a test", text, StringComparison.Ordinal);
        Assert.Matches("devp2p_test_things_total\\{[^}]*kind=\"odd\"[^}]*\\} 3( |\n)", text);
    }

    [Fact]
    public async Task Metrics_and_traces_are_sent_by_OTLP_as_the_standard_variables_say()
    {
        var received = new ConcurrentDictionary<string, string>();
        await using WebApplication collector = await StartCollectorAsync(received);
        Dictionary<string, string?> values = TestNode.Section();
        values["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.Single();
        values["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        values["OTEL_SERVICE_NAME"] = "harbour";
        WebNode node = await WebNode.StartAsync(values, static services => services.AddDevP2PTelemetry());
        using var meter = new Meter(DevP2PDiagnostics.MeterName);
        meter.CreateCounter<long>("devp2p.test.sent").Add(1);
        await using Server other = await TestNode.StartServerAsync();
        Assert.True((await node.Server.AddPeerAsync(other.Self, TestContext.Current.CancellationToken)).Succeeded);

        // What has gathered is sent at the end.
        await node.DisposeAsync();

        Assert.Equal(["/v1/metrics", "/v1/traces"], received.Keys.Order(StringComparer.Ordinal));
        Assert.Contains("devp2p.test.sent", received["/v1/metrics"], StringComparison.Ordinal);
        Assert.Contains("devp2p.peer.added", received["/v1/metrics"], StringComparison.Ordinal);
        Assert.Contains("devp2p.dial", received["/v1/traces"], StringComparison.Ordinal);
        Assert.All(received.Values, body => Assert.Contains("harbour", body, StringComparison.Ordinal));
    }

    private static async Task<WebApplication> StartCollectorAsync(ConcurrentDictionary<string, string> received)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication collector = builder.Build();
        collector.MapPost("/v1/{kind}", async (HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            received[request.Path] = Encoding.Latin1.GetString(body.ToArray());
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);
        return collector;
    }
}
