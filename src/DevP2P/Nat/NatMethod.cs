using System.Diagnostics.CodeAnalysis;

namespace DevP2P.Nat;

/// <summary>Makes the built-in implementations of <see cref="INat"/>.</summary>
/// <remarks>Go: <c>nat.Parse</c>.</remarks>
public static class NatMethod
{
    /// <summary>Reads a method's text form. Case does not matter.</summary>
    /// <param name="text">So far: <c>none</c>, <c>off</c> or nothing at all.</param>
    /// <param name="nat">The method; null for none.</param>
    /// <param name="error">Null, or what is wrong and what would be right.</param>
    /// <returns>False if the text is no method's.</returns>
    public static bool TryParse(string? text, out INat? nat, [NotNullWhen(false)] out string? error)
    {
        nat = null;
        string name = (text ?? string.Empty).Trim();
        bool isNone = name.Length == 0 || name.Equals("none", StringComparison.OrdinalIgnoreCase) || name.Equals("off", StringComparison.OrdinalIgnoreCase);
        error = isNone ? null : $"\"{text}\" is not a method of port mapping: want none";
        return isNone;
    }
}
