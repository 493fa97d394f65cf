using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;

namespace DevP2P.Tests.Nat;

/// <summary>A method that does what a test says.</summary>
internal sealed class ScriptedNat(string name, bool canMap = true) : INat
{
    private int _statusCalls;

    public static readonly IPAddress Outside4 = IPAddress.Parse("198.51.100.7");
    public static readonly IPAddress Outside6 = IPAddress.Parse("2001:db8::7");

    public bool CanMap => canMap;

    public int StatusCalls => Volatile.Read(ref _statusCalls);

    public List<NatMappingRequest> Mapped { get; } = [];

    public List<NatMappingRequest> Unmapped { get; } = [];

    /// <summary>Whether it works: the answer comes when this is completed, a failure if it fails.</summary>
    public Task Works { get; set; } = Task.CompletedTask;

    /// <summary>What is thrown instead of a mapping.</summary>
    public Exception? MapFailure { get; set; }

    public bool Ignores6 { get; init; }

    public bool IgnoresCancellation { get; init; }

    public ScriptedNat Failing(NatError error = NatError.NotFound)
    {
        Works = Task.FromException(new NatException(error, $"{name} fails"));
        return this;
    }

    public async ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _statusCalls);
        await Works.WaitAsync(IgnoresCancellation ? CancellationToken.None : cancellationToken);
        return new NatStatus { ExternalAddress = family == AddressFamily.InterNetwork ? Outside4 : Ignores6 ? null : Outside6 };
    }

    public ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        lock (Mapped)
        {
            Mapped.Add(request);
        }

        return MapFailure is { } failure
            ? throw failure
            : ValueTask.FromResult(new NatMapping { ExternalPort = request.ExternalPort, Lifetime = request.Lifetime });
    }

    public ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default)
    {
        Unmapped.Add(request);
        return ValueTask.CompletedTask;
    }

    public override string ToString() => name;
}
