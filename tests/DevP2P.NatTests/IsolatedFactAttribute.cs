using System.Runtime.CompilerServices;

namespace DevP2P.NatTests;

/// <summary>
/// A test that runs only in a network namespace of its own, where nothing real can be reached. <c>./test</c> starts this project in one,
/// with <see cref="Variable"/> set; where that is not permitted, and when it is started in another way, these tests are skipped.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class IsolatedFactAttribute : FactAttribute
{
    public const string Variable = "DEVP2P_ISOLATED_NETWORK";

    public IsolatedFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = 0)
        : base(file, line) => Skip = SkipReason;

    public static string? SkipReason { get; } = Environment.GetEnvironmentVariable(Variable) == "1"
        ? null
        : $"needs a network namespace of its own (./test makes it, as root on Linux; {Variable} is not set)";
}

/// <summary>The same for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class IsolatedTheoryAttribute : TheoryAttribute
{
    public IsolatedTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = 0)
        : base(file, line) => Skip = IsolatedFactAttribute.SkipReason;
}
