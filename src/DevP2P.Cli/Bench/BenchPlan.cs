using System.Globalization;

namespace DevP2P.Cli.Bench;

/// <summary>Something to measure: one run of it.</summary>
/// <param name="Names">What its figures are called, as in the file of goals.</param>
/// <param name="Units">What they are.</param>
/// <param name="RunAsync">Measures once.</param>
internal sealed record BenchScenario(string[] Names, BenchUnit[] Units, Func<CancellationToken, Task<BenchRun[]>> RunAsync)
{
    public BenchScenario(string name, BenchUnit unit, Func<CancellationToken, Task<BenchRun>> runAsync)
        : this([name], [unit], async cancellationToken => [await runAsync(cancellationToken)])
    {
    }
}

/// <summary>Scenarios with their names.</summary>
internal static class BenchPlan
{
    public static readonly int[] Sizes = [32, 1024, 16 * 1024, 128 * 1024, 1024 * 1024];

    public const int BroadcastPeers = 16;
    public const int BroadcastSize = 16 * 1024;
    public const int InboundPeers = 16;
    public const int InboundSize = 16 * 1024;
    public const int EchoSize = 32;
    public const int Handshakes = 200;
    public const int Peers = 10_000;

    /// <summary>One at a time, threads that look for work in between are much of the cost; a server that is busy has few of those.</summary>
    public static readonly int[] HandshakesAtOnce = [1, 8];

    /// <summary>All peers are connected at once, so they are pinged at once: nothing less than a round of pings says what they cost.</summary>
    public static readonly TimeSpan PeersTime = Peer.PingInterval;

    public static readonly int[] Crowds = [1, 10, 100, 1_000, 10_000];

    public static BenchScenario Rlpx(int size, PayloadKind kind, TimeSpan time, Func<Task<BenchTarget>> target) => new(
        Name("rlpx", size, kind), BenchUnit.Hashes, cancellationToken => WithAsync(target, t => MessageBenches.RlpxAsync(t, size, kind, time, cancellationToken)));

    public static BenchScenario Echo(int size, TimeSpan time, Func<Task<BenchTarget>> target) => new(
        $"echo-{size}", BenchUnit.Elapsed, cancellationToken => WithAsync(target, t => MessageBenches.EchoAsync(t, size, time, cancellationToken)));

    public static BenchScenario Handshake(int count, int atOnce, Func<Task<BenchTarget>> target) => new(
        Name("handshake", atOnce), BenchUnit.Agreements, cancellationToken => WithAsync(target, t => MessageBenches.HandshakeAsync(t, count, atOnce, cancellationToken)));

    public static BenchScenario Broadcast(int peers, int size, PayloadKind kind, TimeSpan time) => new(
        Name($"broadcast-{peers}", size, kind), BenchUnit.Part, cancellationToken => MessageBenches.BroadcastAsync(peers, size, kind, time, cancellationToken));

    public static BenchScenario Inbound(int peers, int size, PayloadKind kind, TimeSpan time) => new(
        Name($"inbound-{peers}", size, kind), BenchUnit.Part, cancellationToken => InboundBench.RunAsync(peers, size, kind, time, cancellationToken));

    public static BenchScenario Discv4(bool findNode) => new(
        findNode ? "discv4-findnode" : "discv4-ping", BenchUnit.Agreements, cancellationToken => DiscoveryBenches.V4Async(findNode, cancellationToken));

    public static BenchScenario Discv5(TimeSpan time) => new(
        "discv5-ping", BenchUnit.Hashes, cancellationToken => DiscoveryBenches.V5Async(time, cancellationToken));

    public static BenchScenario Packets(TimeSpan time) => new(
        ["discv5-encode", "discv5-decode"], [BenchUnit.Hashes, BenchUnit.Hashes], _ =>
        {
            (BenchRun encode, BenchRun decode) = PacketBench.Run(time);
            return Task.FromResult<BenchRun[]>([encode, decode]);
        });

    public static BenchScenario Start() => new(
        ["start-time", "start-memory"], [BenchUnit.Milliseconds, BenchUnit.Megabytes], async cancellationToken =>
        {
            (BenchRun time, BenchRun memory) = await StartBench.RunAsync(cancellationToken);
            return [time, memory];
        });

    public static BenchScenario Crowd(int count, int size, TimeSpan time) => new(
        Name("crowd-" + count.ToString(CultureInfo.InvariantCulture), size), BenchUnit.Hashes,
        cancellationToken => PeersBench.RunCrowdAsync(count, size, time, cancellationToken));

    public static BenchScenario IdlePeers(int count, TimeSpan time) => new(
        [Name("peers-memory", count), Name("peers-cpu", count)], [BenchUnit.Kilobytes, BenchUnit.HashesPerSecond], async cancellationToken =>
        {
            (BenchRun memory, BenchRun cpu) = await PeersBench.RunAsync(count, time, cancellationToken);
            return [memory, cpu];
        });

    private static string Name(string scenario, int number, PayloadKind kind = PayloadKind.Random) => string.Create(
        CultureInfo.InvariantCulture, $"{scenario}-{number}{(kind == PayloadKind.Random ? "" : "-" + kind.ToString().ToLowerInvariant())}");

    private static async Task<BenchRun> WithAsync(Func<Task<BenchTarget>> start, Func<BenchTarget, Task<BenchRun>> run)
    {
        await using BenchTarget target = await start();
        return await run(target);
    }
}
