using System.Globalization;
using Tomlyn;
using Tomlyn.Parsing;

namespace DevP2P.Cli.Configuration;

/// <summary>
/// Reads a TOML file as geth's <c>dumpconfig</c> writes it. Keys that this program does not know are not errors (a
/// geth file is full of them) but each is named in a warning: a misspelt key that is silently ignored costs an evening.
/// </summary>
/// <remarks>Walks the parser's events instead of binding to a class: it keeps line numbers, and needs no reflection.</remarks>
internal sealed class TomlConfig
{
    /// <summary>No settings file is anywhere near this; it only stops a wrong path (a device, a database) early.</summary>
    private const int MaxFileBytes = 1 << 20;

    private static readonly Dictionary<string, Setting> s_known = Settings.All
        .Where(setting => setting.Toml is not null)
        .ToDictionary(setting => setting.Toml!, StringComparer.Ordinal);

    private static readonly HashSet<string> s_knownTables = ["Node", "Node.P2P", "DevP2P"];

    private readonly Dictionary<Setting, RawValue> _values = [];
    private readonly List<string> _warnings = [];
    private readonly HashSet<string> _foreignSections = new(StringComparer.Ordinal);
    private readonly string _fileName;
    private readonly TomlParser _parser;

    private TomlConfig(string fileName, string text)
    {
        _fileName = fileName;
        _parser = TomlParser.Create(text);
    }

    /// <summary>What is worth saying about the file, one line each.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Reads a file.</summary>
    /// <exception cref="CliException">It cannot be read, is not TOML, or a value has the wrong type.</exception>
    public static TomlConfig Load(string path)
    {
        string text;
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] content = new byte[MaxFileBytes + 1];
            int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            if (length > MaxFileBytes)
            {
                throw new CliException($"{path} is no settings file: it has more than {MaxFileBytes} bytes");
            }

            using var reader = new StreamReader(new MemoryStream(content, 0, length));
            text = reader.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"cannot read the settings file: {e.Message}");
        }

        return Parse(text, Path.GetFileName(path));
    }

    /// <summary>Reads a text.</summary>
    /// <exception cref="CliException">It is not TOML, or a value has the wrong type.</exception>
    public static TomlConfig Parse(string text, string fileName)
    {
        try
        {
            var config = new TomlConfig(fileName, text);
            config.ReadDocument();
            return config;
        }
        catch (TomlException e)
        {
            string where = e.Line is { } line ? $"{fileName}:{line}" : fileName;
            throw new CliException($"{where}: not TOML: {Explanation(e.Message)}");
        }
    }

    /// <summary>The setting's value in the file, or null.</summary>
    public RawValue? Find(Setting setting) => _values.GetValueOrDefault(setting);

    private void ReadDocument()
    {
        while (_parser.MoveNext())
        {
            if (_parser.Current.Kind == TomlParseEventKind.StartTable)
            {
                ReadTable("");
            }
        }
    }

    private void ReadTable(string path)
    {
        while (_parser.MoveNext() && _parser.Current.Kind != TomlParseEventKind.EndTable)
        {
            string name = _parser.GetPropertyName();
            int line = _parser.Current.Line;
            string key = path.Length == 0 ? name : $"{path}.{name}";
            _parser.MoveNext();
            if (_parser.Current.Kind == TomlParseEventKind.StartTable && s_knownTables.Contains(key))
            {
                ReadTable(key);
            }
            else if (s_known.TryGetValue(key, out Setting? setting))
            {
                var value = new RawValue(ReadValue(setting, key, line), $"{_fileName}:{line}: {key}");
                if (!_values.TryAdd(setting, value))
                {
                    throw new CliException($"{value.Source}: is set twice");
                }
            }
            else
            {
                WarnUnknown(path, key, line);
                SkipValue();
            }
        }
    }

    private List<string> ReadValue(Setting setting, string key, int line)
    {
        TomlParseEventKind kind = _parser.Current.Kind;
        switch (setting.Kind, kind)
        {
            case (SettingKind.Number or SettingKind.Size, TomlParseEventKind.Integer):
                return [_parser.Current.GetInt64().ToString(CultureInfo.InvariantCulture)];
            case (SettingKind.Switch, TomlParseEventKind.Boolean):
                return [_parser.Current.GetBoolean() ? "true" : "false"];
            case (SettingKind.Text or SettingKind.Size or SettingKind.List, TomlParseEventKind.String):
                return [_parser.GetString()];
            // geth writes the log level and the like as text; a number is as clear.
            case (SettingKind.Text, TomlParseEventKind.Integer) when setting == Settings.Verbosity:
                return [_parser.Current.GetInt64().ToString(CultureInfo.InvariantCulture)];
            case (SettingKind.List, TomlParseEventKind.StartArray):
                List<string> items = [];
                while (_parser.MoveNext() && _parser.Current.Kind != TomlParseEventKind.EndArray)
                {
                    items.Add(_parser.Current.Kind == TomlParseEventKind.String ? _parser.GetString() : throw WrongType());
                }

                return items;
            default:
                throw WrongType();
        }

        CliException WrongType() => new($"{_fileName}:{line}: {key}: must be " + setting.Kind switch
        {
            SettingKind.Number => "a whole number",
            SettingKind.Size => "a whole number, or a text such as \"512K\"",
            SettingKind.Switch => "true or false",
            SettingKind.List => "a list of texts, for example [\"a\", \"b\"]",
            _ => "a text in quotes",
        });
    }

    private void WarnUnknown(string path, string key, int line)
    {
        if (path.Length == 0 && _parser.Current.Kind == TomlParseEventKind.StartTable)
        {
            // A whole foreign section, such as geth's [Eth]: one line for it, not one for each key.
            if (_foreignSections.Add(key))
            {
                _warnings.Add($"{_fileName}:{line}: section [{key}] is not used by devp2p");
            }

            return;
        }

        string? near = s_known.Keys.Concat(s_knownTables).FirstOrDefault(known => known.Equals(key, StringComparison.OrdinalIgnoreCase));
        _warnings.Add($"{_fileName}:{line}: unknown key {key}" + (near is null ? "" : $" (did you mean {near}?)"));
    }

    /// <summary>Moves to the last event of the value that the parser stands on.</summary>
    private void SkipValue()
    {
        int depth = 0;
        do
        {
            depth += _parser.Current.Kind switch
            {
                TomlParseEventKind.StartTable or TomlParseEventKind.StartArray => 1,
                TomlParseEventKind.EndTable or TomlParseEventKind.EndArray => -1,
                _ => 0,
            };
        }
        while (depth > 0 && _parser.MoveNext());
    }

    /// <summary>The parser says "(2,1) : error : text"; the place is in front of it already.</summary>
    private static string Explanation(string message)
    {
        const string Marker = "error : ";
        int marker = message.IndexOf(Marker, StringComparison.Ordinal);
        ReadOnlySpan<char> text = marker < 0 ? message : message.AsSpan(marker + Marker.Length);
        int end = text.IndexOfAny('\r', '\n');
        return (end < 0 ? text : text[..end]).ToString();
    }
}
