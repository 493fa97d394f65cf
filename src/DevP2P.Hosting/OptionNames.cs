using Microsoft.Extensions.Configuration;

namespace DevP2P.Hosting;

/// <summary>What options are called where they were set: by their key in the configuration, or by their property if there is none.</summary>
internal sealed class OptionNames(IConfigurationSection? section)
{
    public string Of(string option) => section is null ? option : $"{section.Path}:{option}";

    public string Of(string option, int index) => section is null ? $"{option}[{index}]" : $"{section.Path}:{option}:{index}";

    /// <summary>A fault that begins with the option's name, as the library reports it, with the key in its place.</summary>
    public string Translate(ArgumentException fault)
    {
        string option = fault.ParamName ?? "";
        string suffix = $" (Parameter '{option}')";
        string text = fault.Message.EndsWith(suffix, StringComparison.Ordinal) ? fault.Message[..^suffix.Length] : fault.Message;
        if (option.Length == 0 || !text.StartsWith(option, StringComparison.Ordinal))
        {
            return text;
        }

        // "AdvertisedEndPoints.TcpPort is 0": its key is AdvertisedEndPoints:TcpPort.
        int end = text.IndexOf(' ', StringComparison.Ordinal) is var space and >= 0 ? space : text.Length;
        string name = section is null ? text[..end] : text[..end].Replace('.', ':');
        return Of(name) + text[end..];
    }

    /// <summary>Keys of the section that mean nothing here. A section below it is somebody else's, a list is not.</summary>
    public IEnumerable<string> FindUnknown()
    {
        if (section is null)
        {
            yield break;
        }

        HashSet<string> known = new(typeof(DevP2PHostOptions).GetProperties().Select(static p => p.Name), StringComparer.OrdinalIgnoreCase);
        foreach (IConfigurationSection child in section.GetChildren())
        {
            if (!known.Contains(child.Key) && child.GetChildren().All(static item => int.TryParse(item.Key, out _)))
            {
                yield return child.Path;
            }
        }
    }
}
