using System.Numerics;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Hosting.Rpc;

/// <summary>What discovery knows and finds.</summary>
internal static class DiscoveryMethods
{
    public static IEnumerable<RpcMethod> Create(AdminNode node)
    {
        RpcParameter<string> version = Parameters.OneOf("version", "Which discovery", "v4", "v5");
        RpcParameter<string> target = Parameters.Text("target",
            "v5: a node id; v4, which looks for public keys: 128 hexadecimal digits. Both: an enode URL or record. A random one if left out",
            isRequired: false);
        RpcParameter<string> any = Parameters.OneOf("version", "Which discovery", "v4", "v5", "legacy");
        return
        [
            RpcMethod.Create("devp2p_table", "The routing table, bucket by bucket, with the nodes that would replace others.", [any],
                AdminJson.Default.TableReport, call => GetTable(node.Server, call.Get(any))),
            RpcMethod.Create("devp2p_lookup", "Looks for the nodes closest to a target, on the network. The closest come first.", [version, target],
                AdminJson.Default.IReadOnlyListFoundNode, call => LookupAsync(node, call, call.Get(version), call.Get(target, ""))),
        ];
    }

    private static TableReport GetTable(Server server, string version) => TableReport.From(version switch
    {
        "v4" => server.DiscoveryV4?.GetTable(),
        "v5" => server.DiscoveryV5?.GetTable(),
        _ => server.TopicDiscovery?.GetTable(),
    } ?? throw RpcException.Failed($"discovery {version} is off"));

    private static async ValueTask<IReadOnlyList<FoundNode>> LookupAsync(AdminNode node, RpcCall call, string version, string target)
    {
        if (!await node.Lookups.WaitAsync(TimeSpan.Zero).ConfigureAwait(false))
        {
            throw RpcException.Limit($"too many lookups are under way, at most {RpcLimits.MaxLookups}");
        }

        try
        {
            using var end = new CancellationTokenSource(RpcLimits.LookupTimeout, node.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(end.Token, call.CancellationToken);
            (NodeId id, Task<IReadOnlyList<Node>> lookup) = version == "v4"
                ? Start(node.Server.DiscoveryV4, target, either.Token)
                : Start(node.Server.DiscoveryV5, target, either.Token);
            return [.. (await lookup.ConfigureAwait(false)).Select(found => new FoundNode(found.Id.ToString(), found.ToString(), Distance(id, found.Id)))];
        }
        catch (OperationCanceledException) when (!call.CancellationToken.IsCancellationRequested)
        {
            throw RpcException.Failed($"the lookup did not end within {RpcLimits.LookupTimeout.TotalSeconds} s");
        }
        finally
        {
            node.Lookups.Release();
        }
    }

    private static (NodeId, Task<IReadOnlyList<Node>>) Start(DiscoveryV4? discovery, string target, CancellationToken cancellationToken)
    {
        PublicKey key = target.Length == 0 ? PrivateKey.Generate().PublicKey
            : Node.TryParse(target.Length == 128 ? $"enode://{target}" : target, out Node? node, out _) ? node.PublicKey
            : throw RpcException.InvalidParams("invalid argument 1: discovery v4 looks for public keys: want 128 hexadecimal digits, or an enode URL");
        return discovery is null ? throw RpcException.Failed("discovery v4 is off") : (key.NodeId, discovery.LookupAsync(key, cancellationToken));
    }

    private static (NodeId, Task<IReadOnlyList<Node>>) Start(DiscoveryV5? discovery, string target, CancellationToken cancellationToken)
    {
        NodeId id = target.Length == 0 ? PrivateKey.Generate().PublicKey.NodeId
            : NodeId.TryParse(target.StartsWith("0x", StringComparison.Ordinal) ? target[2..] : target, out NodeId parsed) ? parsed
            : Node.TryParse(target, out Node? node, out _) ? node.Id
            : throw RpcException.InvalidParams("invalid argument 1: a node id has 64 hexadecimal digits; an enode URL will do as well");
        return discovery is null ? throw RpcException.Failed("discovery v5 is off") : (id, discovery.LookupAsync(id, cancellationToken));
    }

    /// <summary>The number of bits after the common prefix.</summary>
    private static int Distance(NodeId a, NodeId b)
    {
        byte[] x = a.ToArray();
        byte[] y = b.ToArray();
        for (int i = 0; i < x.Length; i++)
        {
            if (x[i] != y[i])
            {
                return (8 * (x.Length - i)) - (BitOperations.LeadingZeroCount((uint)(x[i] ^ y[i])) - 24);
            }
        }

        return 0;
    }
}
