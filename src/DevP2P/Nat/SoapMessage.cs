using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security;
using System.Text;

namespace DevP2P.Nat;

/// <summary>The call of a service's action, and the answer to it (UPnP Device Architecture 1.1, section 3.2).</summary>
internal sealed class SoapMessage
{
    /// <summary>So many values of an answer are taken; no action has more than eight.</summary>
    public const int MaxValues = 32;

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    private SoapMessage(string name) => Name = name;

    /// <summary>The answer's name: the action's with "Response" behind it, or "Fault".</summary>
    public string Name { get; }

    /// <summary>The error's number, if it is one.</summary>
    public int? FaultCode { get; private set; }

    /// <summary>What the device says about the error.</summary>
    public string FaultText { get; private set; } = string.Empty;

    /// <summary>A value of the answer; null if there is none.</summary>
    public string? this[string name] => _values.GetValueOrDefault(name);

    /// <summary>Writes a call.</summary>
    public static byte[] WriteCall(string serviceType, string action, params ReadOnlySpan<(string Name, string Value)> arguments)
    {
        var xml = new StringBuilder();
        xml.Append("<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" ")
            .Append("s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>")
            .Append(CultureInfo.InvariantCulture, $"<u:{action} xmlns:u=\"{serviceType}\">");
        foreach ((string name, string value) in arguments)
        {
            xml.Append(CultureInfo.InvariantCulture, $"<{name}>{SecurityElement.Escape(value)}</{name}>");
        }

        xml.Append(CultureInfo.InvariantCulture, $"</u:{action}></s:Body></s:Envelope>\r\n");
        return Encoding.UTF8.GetBytes(xml.ToString());
    }

    /// <summary>Reads an answer, an error too.</summary>
    public static bool TryParse(ReadOnlySpan<byte> xml, [NotNullWhen(true)] out SoapMessage? message)
    {
        message = null;
        SoapMessage? read = null;
        bool isBody = false;
        using var reader = new UpnpXml(xml);
        while (reader.TryStep())
        {
            switch (reader.Depth)
            {
                case 0 when reader.Name != "Envelope":
                    return false;
                case 1:
                    isBody = reader.Name == "Body";
                    break;
                case 2 when isBody && !reader.IsEnd:
                    read ??= new SoapMessage(reader.Name);
                    break;
                case > 2 when isBody && reader.IsEnd:
                    read?.Take(reader);
                    break;
            }
        }

        if (reader.IsFaulty || read is null || (read.Name == "Fault" && read.FaultCode is null))
        {
            return false;
        }

        message = read;
        return true;
    }

    /// <summary>A device's text for messages and logs: nothing but printable ASCII, and not much of it (T07).</summary>
    public static string ToPrintable(string text)
    {
        const int MaxLength = 80;
        string start = text.Length > MaxLength ? text[..MaxLength] : text;
        return string.Concat(start.Select(static c => c is >= ' ' and <= '~' ? c : '?'));
    }

    private void Take(UpnpXml reader)
    {
        if (Name != "Fault")
        {
            if (reader.Depth == 3 && _values.Count < MaxValues)
            {
                _values[reader.Name] = reader.Text;
            }
        }
        else if (reader.Name == "errorCode" && int.TryParse(reader.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int code))
        {
            FaultCode = code;
        }
        else if (reader.Name == "errorDescription")
        {
            FaultText = ToPrintable(reader.Text);
        }
    }
}
