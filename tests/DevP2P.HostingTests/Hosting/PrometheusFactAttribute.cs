using System.Runtime.CompilerServices;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>
/// A test with Debian's Prometheus, which <c>./test</c> installs where it may; elsewhere it is skipped. In CI it runs in any case, and fails: a missing
/// program must not look like a passed test.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PrometheusFactAttribute : FactAttribute
{
    public PrometheusFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = 0)
        : base(file, line) => Skip = SkipReason;

    private static string? SkipReason { get; } = (IsInstalled("prometheus") && IsInstalled("promtool")) || Environment.GetEnvironmentVariable("CI") == "true"
        ? null
        : "prometheus is not installed, and ./test could not install it";

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
