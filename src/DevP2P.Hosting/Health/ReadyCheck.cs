using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace DevP2P.Hosting.Health;

/// <summary>Whether the node can do its work: it listens, its discovery is up, and it has as many peers as are asked for.</summary>
internal sealed class ReadyCheck(Server server, IOptionsMonitor<DevP2PHealthOptions> options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ServerOptions wanted = server.Options;
        int minPeers = options.CurrentValue.MinPeers;
        int peers = server.PeerCount;
        var data = new Dictionary<string, object>
        {
            ["peers"] = peers,
            ["minPeers"] = minPeers,
            ["listening"] = server.ListenEndPoints.Select(static e => e.ToString()).ToArray(),
        };
        List<string> faults = [];
        if (wanted.ListenAddress is not null && server.ListenEndPoints.Count == 0)
        {
            faults.Add($"not listening on {wanted.ListenAddress}");
        }

        Discovery(wanted.DiscoveryV4, "v4", server.DiscoveryV4?.LocalEndPoint is not null, server.DiscoveryV4?.NodeCount);
        Discovery(wanted.DiscoveryV5, "v5", server.DiscoveryV5?.LocalEndPoint is not null, server.DiscoveryV5?.NodeCount);
        Discovery(wanted.LegacyTopicDiscovery, "legacy", server.TopicDiscovery?.LocalEndPoint is not null, server.TopicDiscovery?.NodeCount);
        if (peers < minPeers)
        {
            faults.Add($"{peers} peers, {minPeers} are wanted");
        }

        return Task.FromResult(faults.Count == 0
            ? HealthCheckResult.Healthy("The node is ready.", data)
            : new HealthCheckResult(context.Registration.FailureStatus, string.Join("; ", faults), data: data));

        void Discovery(bool isOn, string name, bool isUp, int? nodes)
        {
            if (!isOn || wanted.NoDiscovery)
            {
                return;
            }

            data[$"{name}Nodes"] = nodes ?? 0;
            if (!isUp)
            {
                faults.Add($"discovery {name} is not up");
            }
        }
    }
}
