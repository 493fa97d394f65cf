using BenchmarkDotNet.Running;
using DevP2P.Benchmarks;
using DevP2P.Benchmarks.Floor;
using DevP2P.Benchmarks.Pumps;
using DevP2P.Benchmarks.Udp;

if (args is ["pumps", .. var options])
{
    return await PumpComparison.RunAsync(options);
}

if (args is ["udp", .. var udp])
{
    return await UdpComparison.RunAsync(udp);
}

if (args is ["floor", .. var floor])
{
    return await SocketFloor.RunAsync(floor);
}

BenchmarkSwitcher.FromAssembly(typeof(CryptoBenchmarks).Assembly).Run(args);
return 0;
