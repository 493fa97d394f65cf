using System.CommandLine;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using DevP2P.Crypto;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p version</c>: what is running here.</summary>
internal static class VersionCommand
{
    /// <summary>The program's version, without the commit behind the plus sign.</summary>
    public static string Version { get; } =
        typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON object" };
        var command = new ExampleCommand("version", "Show the version, the runtime and which cryptography is in use.",
            "devp2p version",
            "devp2p version --json")
        { json };
        command.SetAction(parse =>
        {
            VersionReport report = Report();
            Console.Out.WriteLine(parse.GetValue(json)
                ? JsonSerializer.Serialize(report, CliJson.Default.VersionReport)
                : $"""
                   devp2p {report.Version}
                   runtime: {report.Runtime}{(report.NativeAot ? ", native" : "")}
                   secp256k1: {report.Crypto}
                   system: {report.Os}, {report.Architecture}
                   """);
            return CommandLine.Success;
        });
        return command;
    }

    private static VersionReport Report() => new(
        Version,
        RuntimeInformation.FrameworkDescription,
        !RuntimeFeature.IsDynamicCodeSupported,
        CryptoBackend.Name,
        RuntimeInformation.OSDescription,
        RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant());
}
