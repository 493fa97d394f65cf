namespace DevP2P.Hosting.Rpc;

/// <summary>Limits that change while the node runs.</summary>
internal static class LimitMethods
{
    public static IEnumerable<RpcMethod> Create(AdminNode node)
    {
        RpcParameter<int> maxPeers = Parameters.Number("maxPeers", "Most peers at a time", 1, int.MaxValue);
        RpcParameter<long> upload = Bandwidth("uploadBytesPerSecond", "What all peers together are sent at most");
        RpcParameter<long> download = Bandwidth("downloadBytesPerSecond", "What is read from all peers together at most");
        RpcParameter<long> peerUpload = Bandwidth("peerUploadBytesPerSecond", "What one peer is sent at most");
        RpcParameter<long> peerDownload = Bandwidth("peerDownloadBytesPerSecond", "What is read from one peer at most");
        return
        [
            RpcMethod.Create("devp2p_limits", "The limits that hold now.", [], AdminJson.Default.LimitsReport, _ => LimitsReport.From(node.Server.Limits)),
            RpcMethod.Create("devp2p_setLimits", "Sets other limits, those that are named; the others stay. Gives all that hold then.",
                [maxPeers, upload, download, peerUpload, peerDownload], AdminJson.Default.LimitsReport,
                call =>
                {
                    ServerLimits now = node.Server.Limits;
                    return Set(node, now with
                    {
                        MaxPeers = call.Get(maxPeers, now.MaxPeers),
                        UploadBytesPerSecond = Read(call, upload, now.UploadBytesPerSecond),
                        DownloadBytesPerSecond = Read(call, download, now.DownloadBytesPerSecond),
                        PeerUploadBytesPerSecond = Read(call, peerUpload, now.PeerUploadBytesPerSecond),
                        PeerDownloadBytesPerSecond = Read(call, peerDownload, now.PeerDownloadBytesPerSecond),
                    });
                },
                changesNode: true),
        ];
    }

    private static RpcParameter<long> Bandwidth(string name, string summary) =>
        Parameters.LargeNumber(name, summary + "; null for no limit", 1, long.MaxValue, isNullable: true);

    /// <summary>What is left out stays; null ends a limit.</summary>
    private static long? Read(RpcCall call, RpcParameter<long> parameter, long? now) =>
        !call.Mentions(parameter) ? now : call.Get(parameter, otherwise: 0) is > 0 and var limit ? limit : null;

    private static LimitsReport Set(AdminNode node, ServerLimits limits)
    {
        try
        {
            node.Server.SetLimits(limits);
        }
        catch (ArgumentException e)
        {
            throw RpcException.InvalidParams(e.Message);
        }

        LimitsReport report = LimitsReport.From(limits);
        node.Events.LimitsSet(report);
        return report;
    }
}
