using System.Net;
using DevP2P.Nat;

namespace DevP2P.Tests.Nat;

/// <summary>A network that a test makes and changes.</summary>
internal sealed class FakeNetwork : HostNetwork
{
    private Action? _changed;

    public IPAddress? Source { get; set; }

    public IPAddress? Source6 { get; set; }

    public IPAddress? Gateway { get; set; }

    public int Looks { get; private set; }

    public bool IsWatched => _changed is not null;

    public override HostConnection GetConnection(bool isIPv6)
    {
        Looks += isIPv6 ? 0 : 1;
        return isIPv6 ? new HostConnection(Source6, null) : new HostConnection(Source, Gateway);
    }

    public override IDisposable Watch(Action changed)
    {
        _changed = changed;
        return new Watching(this);
    }

    /// <summary>What a system does when an interface comes up: it says so several times.</summary>
    public void Report()
    {
        for (int i = 0; i < 5; i++)
        {
            _changed!();
        }
    }

    private sealed class Watching(FakeNetwork owner) : IDisposable
    {
        public void Dispose() => owner._changed = null;
    }
}
