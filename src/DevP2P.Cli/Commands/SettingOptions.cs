using System.CommandLine;
using DevP2P.Cli.Configuration;

namespace DevP2P.Cli.Commands;

/// <summary>The flags of all settings, and what the command line says about each.</summary>
internal sealed class SettingOptions
{
    private readonly Dictionary<Setting, Option> _options = [];

    /// <summary>Adds a flag for each setting that has one.</summary>
    public void AddTo(Command command) => AddTo(command, Settings.All);

    /// <summary>Adds a flag for each of these settings that has one.</summary>
    public void AddTo(Command command, IEnumerable<Setting> settings)
    {
        foreach (Setting setting in settings)
        {
            if (setting.Flag is { } flag)
            {
                Option option = Create(setting, flag);
                _options.Add(setting, option);
                command.Add(option);
            }
        }
    }

    /// <summary>The command line as a source of settings. Texts are checked where all sources are, so that errors read alike.</summary>
    public SettingSource Read(ParseResult parse) => setting =>
    {
        if (!_options.TryGetValue(setting, out Option? option) || parse.GetResult(option) is not { Implicit: false } result)
        {
            return null;
        }

        string[] values = [.. result.Tokens.Select(token => token.Value)];
        return new RawValue(values.Length > 0 ? values : setting.Kind == SettingKind.Switch ? ["true"] : [setting.Implied ?? ""], setting.Flag!);
    };

    private static Option Create(Setting setting, string flag)
    {
        string help = setting.Help
            + (setting.Default is null or "false" ? "" : $" [default: {setting.Default}]");
        return setting.Kind switch
        {
            SettingKind.Switch => new Option<bool>(flag) { Description = help },
            SettingKind.List => new Option<string[]>(flag) { Description = help, HelpName = setting.ValueName },
            _ => new Option<string>(flag)
            {
                Description = help,
                HelpName = setting.ValueName,
                Arity = setting.Implied is null ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne,
            },
        };
    }
}
