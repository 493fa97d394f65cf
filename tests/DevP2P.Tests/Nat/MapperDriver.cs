using System.Net;
using DevP2P.Nat;
using DevP2P.Tests.Crypto;
using Xunit;

namespace DevP2P.Tests.Nat;

/// <summary>A <see cref="PortMapper"/> in virtual time: what it hands out is kept, and a test answers.</summary>
internal sealed class MapperDriver
{
    public static readonly PortTarget Tcp = new(false, NatProtocol.Tcp, 30303);
    public static readonly PortTarget Udp = new(false, NatProtocol.Udp, 30303);
    public static readonly IPAddress Outside = IPAddress.Parse("44.128.0.1");

    private readonly List<NatCall> _calls = [];
    private readonly List<PortMapperOutput> _facts = [];
    private bool _isBeginningToStop;

    public MapperDriver(int seed = 1, bool canMap = true, params PortTarget[] targets)
    {
        Mapper = new PortMapper(TimeSpan.Zero, targets.Length > 0 ? targets : [Tcp], canMap, new SeededRandomSource(seed), PortMapperLimits.Lifetime);
        Drain();
    }

    public PortMapper Mapper { get; }

    public TimeSpan Now { get; private set; }

    /// <summary>Calls without an answer.</summary>
    public IReadOnlyList<NatCall> Calls => _calls;

    /// <summary>What it said since the last look.</summary>
    public IReadOnlyList<PortMapperOutput> TakeFacts()
    {
        PortMapperOutput[] facts = [.. _facts];
        _facts.Clear();
        return facts;
    }

    public T Call<T>()
        where T : NatCall => Assert.IsType<T>(Assert.Single(_calls));

    public void Map(int? port = null, TimeSpan? lifetime = null, IPAddress? address = null, TimeSpan? uptime = null)
    {
        MapWanted call = Call<MapWanted>();
        Answer(call, () => Mapper.HandleMapped(Now, call.Id, port ?? call.ExternalPort, address, lifetime ?? call.Lifetime, uptime));
    }

    public void Status(IPAddress? address = null, TimeSpan? uptime = null)
    {
        StatusWanted call = Call<StatusWanted>();
        Answer(call, () => Mapper.HandleStatus(Now, call.Id, address, uptime));
    }

    public void Unmap()
    {
        UnmapWanted call = Call<UnmapWanted>();
        Answer(call, () => Mapper.HandleUnmapped(Now, call.Id));
    }

    public void Fail(NatError error, string reason = "no")
    {
        NatCall call = Assert.Single(_calls);
        Answer(call, () => Mapper.HandleFailure(Now, call.Id, error, reason));
    }

    public void Answer(NatCall call, Action answer)
    {
        _calls.Remove(call);
        answer();
        Drain();
    }

    public void Do(Action action)
    {
        action();
        Drain();
    }

    public void Stop()
    {
        _isBeginningToStop = true;
        Do(() => Mapper.Stop(Now));
        _isBeginningToStop = false;
    }

    /// <summary>Lets time pass up to the next timeout.</summary>
    public TimeSpan Next()
    {
        TimeSpan due = Assert.NotNull(Mapper.NextTimeout);
        TimeSpan passed = due - Now;
        Assert.True(passed > TimeSpan.Zero, "a timeout that is due already: the pump would spin");
        Now = due;
        Mapper.HandleTimeout(Now);
        Drain();
        return passed;
    }

    private void Drain()
    {
        while (Mapper.TryDequeue(out PortMapperOutput? output))
        {
            if (output is NatCall call)
            {
                _calls.Add(call);
            }
            else
            {
                _facts.Add(output);
                if (output is CallAbandoned abandoned && !_isBeginningToStop)
                {
                    _calls.RemoveAll(c => c.Id == abandoned.Id);
                }
            }
        }
    }
}
