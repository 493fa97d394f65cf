using System.Text;
using System.Xml;

namespace DevP2P.Nat;

/// <summary>
/// Steps through the XML of a device: no document type, no entities but the five of XML itself, nothing that is fetched, and bounded
/// in size, depth and text. What is not well-formed ends it (<see cref="IsFaulty"/>); nothing is thrown.
/// </summary>
internal sealed class UpnpXml : IDisposable
{
    public const int MaxSize = 128 * 1024;

    public const int MaxDepth = 24;

    /// <summary>An element with a longer text counts as empty.</summary>
    public const int MaxTextLength = 1024;

    private readonly XmlReader? _reader;
    private readonly StringBuilder _text = new();
    private bool _pendingEnd;

    public UpnpXml(ReadOnlySpan<byte> xml)
    {
        if (xml.Length > MaxSize)
        {
            IsFaulty = true;
            return;
        }

        // Whatever the declaration says: names and numbers are ASCII, and what else there is, is not used. Some devices put white
        // space before the declaration or a zero at the end.
        string text = Encoding.UTF8.GetString(xml).Trim('\uFEFF', ' ', '\t', '\r', '\n', '\0');
        _reader = XmlReader.Create(new StringReader(text), new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = MaxSize,
            MaxCharactersFromEntities = MaxTextLength,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        });
    }

    /// <summary>Whether it ended for something that is not allowed.</summary>
    public bool IsFaulty { get; private set; }

    /// <summary>Of the element that began or ended: how many are around it.</summary>
    public int Depth { get; private set; }

    /// <summary>Of the element that began or ended: its name without a prefix.</summary>
    public string Name { get; private set; } = string.Empty;

    /// <summary>Whether the element ended; else it began.</summary>
    public bool IsEnd { get; private set; }

    /// <summary>Of an element that ended: the text behind the last element in it, without white space around. Of a leaf, that is all.</summary>
    public string Text => _text.Length > MaxTextLength ? string.Empty : _text.ToString().Trim();

    /// <summary>Goes to where the next element begins or ends.</summary>
    /// <returns>False at the end, or if <see cref="IsFaulty"/>.</returns>
    public bool TryStep()
    {
        if (_pendingEnd)
        {
            (_pendingEnd, IsEnd) = (false, true);
            return true;
        }

        if (IsEnd)
        {
            _text.Clear();
        }

        try
        {
            return TryRead();
        }
        catch (XmlException)
        {
            IsFaulty = true;
            return false;
        }
    }

    public void Dispose() => _reader?.Dispose();

    private bool TryRead()
    {
        while (!IsFaulty && _reader!.Read())
        {
            switch (_reader.NodeType)
            {
                case XmlNodeType.Element or XmlNodeType.EndElement:
                    Take(_reader);
                    return !IsFaulty;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace when _text.Length <= MaxTextLength:
                    _text.Append(_reader.Value);
                    break;
            }
        }

        return false;
    }

    private void Take(XmlReader reader)
    {
        (Depth, Name, IsEnd) = (reader.Depth, reader.LocalName, reader.NodeType == XmlNodeType.EndElement);
        IsFaulty = Depth >= MaxDepth;
        if (!IsEnd)
        {
            _text.Clear();
            _pendingEnd = reader.IsEmptyElement;
        }
    }
}
