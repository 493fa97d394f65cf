using System.Diagnostics.CodeAnalysis;

namespace DevP2P.Cli.Configuration;

/// <summary>What a setting's text has to look like.</summary>
internal enum SettingKind
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary>A whole number, not negative.</summary>
    Number,

    /// <summary>A number of bytes: a whole number, or a text such as 512K or 10M.</summary>
    Size,

    /// <summary>true or false.</summary>
    Switch,

    /// <summary>Several texts: the flag may be repeated, and commas separate.</summary>
    List,
}

/// <summary>One thing that can be configured by a flag, by an environment variable and, with most, in the TOML file.</summary>
/// <param name="Name">The flag without its dashes; the environment variable follows from it. Null: only in the file.</param>
/// <param name="Toml">The key's full path in the file, as geth writes it; null when it makes no sense there.</param>
/// <param name="Kind">What the text has to look like.</param>
/// <param name="Help">One line for <c>--help</c>.</param>
/// <param name="ValueName">What <c>--help</c> calls the value.</param>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "no type is meant")]
internal sealed record Setting(string? Name, string? Toml, SettingKind Kind, string Help, string? ValueName = null)
{
    /// <summary>The text that holds when nobody says anything else, for people; null when the setting is then simply absent.</summary>
    public string? Default { get; init; }

    /// <summary>What the flag alone, without a value, means; null when it needs one.</summary>
    public string? Implied { get; init; }

    /// <summary><c>--max-peers</c>.</summary>
    public string? Flag => Name is null ? null : "--" + Name;

    /// <summary><c>DEVP2P_MAX_PEERS</c>.</summary>
    public string? Variable => Name is null ? null : "DEVP2P_" + Name.Replace('-', '_').ToUpperInvariant();
}

/// <summary>A setting's text and where it came from, so that an error can name the place.</summary>
/// <param name="Values">One text, or several for a list.</param>
/// <param name="Source">For people: <c>--max-peers</c>, <c>DEVP2P_MAX_PEERS</c>, <c>node.toml:7: Node.P2P.MaxPeers</c>.</param>
internal sealed record RawValue(IReadOnlyList<string> Values, string Source)
{
    /// <summary>The single text.</summary>
    public string Text => Values.Count == 1 ? Values[0] : string.Join(',', Values);
}
