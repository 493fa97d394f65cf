using System.Net.Sockets;
using System.Runtime.CompilerServices;
using DevP2P.Buffers;
using DevP2P.Rlpx;

namespace DevP2P.Tests.Threats;

/// <summary>What a server holds at this moment, for tests that nothing of it grows.</summary>
internal static class ServerInternals
{
    /// <summary>Received bytes charged by all peers.</summary>
    public static long ChargedBytes(this Server server) => Memory(server).Used;

    /// <summary>Background work: accepting, connections in a handshake, dials, peers.</summary>
    public static int RunningTasks(this Server server) => Running(Work(server));

    /// <summary>The listener.</summary>
    public static Socket GetListener(this Server server) => Listener(server)!;

    /// <summary>Inbound connections in a handshake.</summary>
    public static int PendingConnections(this Server server) => Pending(server).Count;

    /// <summary>Bytes that wait to be sent to a peer.</summary>
    public static int PendingBytes(this Peer peer) => Length(Connection(peer)!);

    /// <summary>As after a burst: the next receive would like 64 KiB.</summary>
    public static void PretendBurst(this Peer peer) => ReceiveSize(Connection(peer)!) = PooledBuffer.MaxArraySize;

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_receiveSize")]
    private static extern ref int ReceiveSize(RlpxConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_listener")]
    private static extern ref Socket? Listener(Server server);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_memory")]
    private static extern ref MemoryBudget Memory(Server server);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_work")]
    private static extern ref TaskGroup Work(Server server);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_running")]
    private static extern ref int Running(TaskGroup group);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_pendingInbound")]
    private static extern ref PendingInbound Pending(Server server);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_connection")]
    private static extern ref RlpxConnection? Connection(Peer peer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_pendingLength")]
    private static extern ref int Length(RlpxConnection connection);
}
