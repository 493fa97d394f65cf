using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using DevP2P.Diagnostics;
using DevP2P.Hosting;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>Debian's Prometheus against the endpoint.</summary>
public sealed class PrometheusTests
{
    [PrometheusFact]
    public async Task Prometheus_scrapes_the_node_and_answers_a_query()
    {
        await using Server other = await TestNode.StartServerAsync();
        await using WebNode node = await StartAsync();
        Assert.True((await node.Server.AddPeerAsync(other.Self, TestContext.Current.CancellationToken)).Succeeded);
        using var meter = new Meter(DevP2PDiagnostics.MeterName);
        meter.CreateCounter<long>("devp2p.test.scraped", "{thing}", "Things of a test").Add(7);
        await using Prometheus prometheus = await Prometheus.StartAsync(new Uri(node.App.Urls.Single()).Authority);

        Assert.Equal("1", await prometheus.QueryAsync("up{job=\"devp2p\"}"));
        Assert.Equal("7", await prometheus.QueryAsync("devp2p_test_scraped_total"));

        // One meter serves all servers of the process, those of other tests among them.
        Assert.Equal("1", await prometheus.QueryAsync("devp2p_peer_added_total >= bool 2"));
    }

    [PrometheusFact]
    public async Task Promtool_has_nothing_to_say_about_the_metrics()
    {
        await using Server other = await TestNode.StartServerAsync();
        await using WebNode node = await StartAsync();
        Assert.True((await node.Server.AddPeerAsync(other.Self, TestContext.Current.CancellationToken)).Succeeded);
        string text = await node.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);

        Assert.Equal((0, ""), await PromTool.RunAsync(text, "check", "metrics"));
    }

    private static Task<WebNode> StartAsync() =>
        WebNode.StartAsync(TestNode.Section(), static services => services.AddDevP2PMetrics(), static app => app.MapDevP2PMetrics());

    /// <summary>A Prometheus on loopback with its data in a directory that goes with it.</summary>
    private sealed class Prometheus : IAsyncDisposable
    {
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("devp2p-prometheus-");
        private readonly HttpClient _client = new();
        private readonly int _port = FreePort();
        private Process? _process;

        public static async Task<Prometheus> StartAsync(string target)
        {
            var prometheus = new Prometheus();
            string config = Path.Combine(prometheus._directory.FullName, "prometheus.yml");
            await File.WriteAllTextAsync(config, $"""
                global:
                  scrape_interval: 1s
                scrape_configs:
                  - job_name: devp2p
                    static_configs:
                      - targets: ["{target}"]
                """);
            prometheus._process = Process.Start(new ProcessStartInfo("prometheus", [
                $"--config.file={config}", $"--storage.tsdb.path={Path.Combine(prometheus._directory.FullName, "data")}",
                $"--web.listen-address=127.0.0.1:{prometheus._port}", "--log.level=error",
            ]) { RedirectStandardOutput = true, RedirectStandardError = true });
            return prometheus;
        }

        /// <summary>Waits until the query has an answer; the first sample comes some seconds after the start.</summary>
        public async Task<string> QueryAsync(string query)
        {
            var url = new Uri($"http://127.0.0.1:{_port}/api/v1/query?query={Uri.EscapeDataString(query)}");
            string? value = null;
            DateTime end = DateTime.UtcNow + TestNode.Deadline;
            while ((value = await AskAsync(url)) is null)
            {
                Assert.True(DateTime.UtcNow < end && !_process!.HasExited, $"{query} has no answer");
                await Task.Delay(100, TestContext.Current.CancellationToken);
            }

            return value;
        }

        public async ValueTask DisposeAsync()
        {
            _client.Dispose();
            if (_process is { HasExited: false })
            {
                _process.Kill(entireProcessTree: true);
                await _process.WaitForExitAsync();
            }

            _process?.Dispose();
            _directory.Delete(recursive: true);
        }

        private static int FreePort()
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            return ((IPEndPoint)socket.LocalEndPoint!).Port;
        }

        private async Task<string?> AskAsync(Uri url)
        {
            try
            {
                using JsonDocument answer = JsonDocument.Parse(await _client.GetStringAsync(url, TestContext.Current.CancellationToken));
                JsonElement result = answer.RootElement.GetProperty("data").GetProperty("result");
                return result.GetArrayLength() == 0 ? null : result[0].GetProperty("value")[1].GetString();
            }
            catch (HttpRequestException)
            {
                // It is still starting.
                return null;
            }
        }
    }
}
