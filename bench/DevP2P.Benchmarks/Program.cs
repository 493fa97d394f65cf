using BenchmarkDotNet.Running;
using DevP2P.Benchmarks.Pumps;

if (args is ["pumps", .. var options])
{
    return await PumpComparison.RunAsync(options);
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
