using System.Diagnostics;
using System.Text;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>samples/HostedNode, as it is built: two of them greet each other.</summary>
public sealed class SampleTests
{
    [Fact]
    public void The_sample_is_short() =>
        Assert.InRange(File.ReadAllLines(Path.Combine(RepositoryRoot.Path, "samples", "HostedNode", "Program.cs")).Length, 10, 39);

    [Fact]
    public async Task Two_samples_greet_each_other()
    {
        await using var first = new Sample();
        string url = await first.UrlAsync();
        using var client = new HttpClient();
        string enode = await client.GetStringAsync(new Uri($"{url}/enode"), TestContext.Current.CancellationToken);
        await using var second = new Sample($"--DevP2P:StaticNodes:0={enode}");
        string otherUrl = await second.UrlAsync();

        await first.UntilSaysAsync("says hello HostedNode");
        await second.UntilSaysAsync($"Peer {Node.Parse(enode).Id.ToString()[..16]} ");
        Assert.Contains("\"peers\":1", await client.GetStringAsync(new Uri($"{otherUrl}/health/ready"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains("target_info{service_name=\"devp2p\"", await client.GetStringAsync(new Uri($"{url}/metrics"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    /// <summary>One process of it, in a directory of its own.</summary>
    private sealed class Sample : IAsyncDisposable
    {
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("devp2p-sample-");
        private readonly StringBuilder _output = new();
        private readonly Process _process;

        public Sample(params string[] arguments)
        {
            string[] all = [
                Path.Combine(AppContext.BaseDirectory, "HostedNode.dll"), "--urls=http://127.0.0.1:0", $"--contentRoot={Path.Combine(RepositoryRoot.Path, "samples", "HostedNode")}",
                "--DevP2P:ListenAddress=127.0.0.1:0", $"--DevP2P:PrivateKeyFile={Path.Combine(_directory.FullName, "nodekey")}", .. arguments];
            _process = new Process
            {
                StartInfo = new ProcessStartInfo("dotnet", all) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _directory.FullName },
            };
            _process.OutputDataReceived += Take;
            _process.ErrorDataReceived += Take;
            _process.Start();
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
        }

        private string Output
        {
            get
            {
                lock (_output)
                {
                    return _output.ToString();
                }
            }
        }

        public async Task<string> UrlAsync()
        {
            const string Mark = "Now listening on: ";
            await UntilSaysAsync(Mark);
            return Output.Split(Mark)[1].Split('\n')[0].Trim();
        }

        public async Task UntilSaysAsync(string text)
        {
            DateTime end = DateTime.UtcNow + TestNode.Deadline;
            while (!Output.Contains(text, StringComparison.Ordinal))
            {
                Assert.True(DateTime.UtcNow < end && !_process.HasExited, $"it does not say \"{text}\": {Output}");
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
                await _process.WaitForExitAsync();
            }

            _process.Dispose();
            _directory.Delete(recursive: true);
        }

        private void Take(object sender, DataReceivedEventArgs e)
        {
            lock (_output)
            {
                _output.AppendLine(e.Data);
            }
        }
    }
}
