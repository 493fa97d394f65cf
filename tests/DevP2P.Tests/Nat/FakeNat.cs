using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;

namespace DevP2P.Tests.Nat;

/// <summary>A device that a test tells what to do. It sends nothing.</summary>
internal sealed class FakeNat : INat
{
    private int _calls;
    private int _running;
    private int _mostRunning;

    public bool CanMap { get; init; } = true;

    public IPAddress? Address { get; set; } = MapperDriver.Outside;

    public IPAddress? Address6 { get; set; }

    /// <summary>Grants a port for the one asked for, or throws.</summary>
    public Func<NatMappingRequest, int> Grant { get; set; } = static request => request.ExternalPort;

    /// <summary>Waited for in each call, whatever the token says.</summary>
    public Func<CancellationToken, Task>? Wait { get; set; }

    /// <summary>What is mapped: family, protocol, internal and external port.</summary>
    public ConcurrentDictionary<(AddressFamily Family, NatProtocol Protocol, int Internal, int External), bool> Mapped { get; } = new();

    public int Calls => Volatile.Read(ref _calls);

    public int MostRunning => Volatile.Read(ref _mostRunning);

    public async ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default)
    {
        await BeginAsync(cancellationToken);
        return new NatStatus { ExternalAddress = family == AddressFamily.InterNetwork ? Address : Address6 };
    }

    public async ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        await BeginAsync(cancellationToken);
        int port = Grant(request);
        Mapped[(request.Family, request.Protocol, request.InternalPort, port)] = true;
        return new NatMapping { ExternalPort = port, Lifetime = request.Lifetime };
    }

    public async ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        await BeginAsync(cancellationToken);
        Mapped.TryRemove((request.Family, request.Protocol, request.InternalPort, request.ExternalPort), out _);
    }

    public override string ToString() => "fake";

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _calls);
        int running = Interlocked.Increment(ref _running);
        try
        {
            int most;
            while ((most = MostRunning) < running)
            {
                Interlocked.CompareExchange(ref _mostRunning, running, most);
            }

            await (Wait?.Invoke(cancellationToken) ?? Task.CompletedTask);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }
}
