using System.Text.Json.Serialization;

namespace DevP2P.Cli.Doctor;

/// <summary>What <c>devp2p doctor --json</c> prints.</summary>
/// <param name="Problems">How many findings are problems.</param>
/// <param name="Findings">What the facts mean.</param>
/// <param name="Facts">What was found out.</param>
internal sealed record DoctorReport(int Problems, IReadOnlyList<Finding> Findings, DoctorFacts Facts)
{
    public static DoctorReport From(DoctorFacts facts)
    {
        IReadOnlyList<Finding> findings = Diagnosis.Explain(facts);
        return new DoctorReport(findings.Count(static f => f.Severity == Severity.Problem), findings, facts);
    }

    /// <summary>One line for a finding, and one below it for what to do.</summary>
    public void Print(TextWriter output)
    {
        foreach (Finding finding in Findings)
        {
            string mark = finding.Severity switch
            {
                Severity.Good => "ok",
                Severity.Note => "note",
                _ => "PROBLEM",
            };
            // Parts come from routers and other nodes.
            output.WriteLine($"{mark,-8} {finding.Topic + ":",-12} {Logging.LogText.Escape(finding.Text, maxLength: 500)}");
            if (finding.Advice is not null)
            {
                output.WriteLine($"{"",-8} {"",-12} -> {finding.Advice}");
            }
        }
    }
}

/// <summary>Generated at compile time, as <see cref="CliJson"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(DoctorReport))]
internal sealed partial class DoctorJson : JsonSerializerContext;
