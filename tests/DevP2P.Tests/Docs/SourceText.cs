using System.Text;

namespace DevP2P.Tests.Docs;

/// <summary>Just enough of a reader of C# to tell code from words.</summary>
internal static class SourceText
{
    /// <summary>The code without comments and without the content of strings and characters; line breaks stay.</summary>
    public static string WithoutCommentsAndStrings(string source)
    {
        var code = new StringBuilder(source.Length);
        for (int i = 0; i < source.Length;)
        {
            string rest = source[i..Math.Min(i + 3, source.Length)];
            if (rest.StartsWith("//", StringComparison.Ordinal))
            {
                i = EndOf(source, i, "\n", included: false);
            }
            else if (rest.StartsWith("/*", StringComparison.Ordinal))
            {
                i = EndOf(source, i + 2, "*/", included: true);
            }
            else if (rest == "\"\"\"")
            {
                i = EndOf(source, i + 3, "\"\"\"", included: true);
            }
            else if (source[i] == '"')
            {
                bool isVerbatim = i > 0 && (source[i - 1] == '@' || (i > 1 && source[i - 1] == '$' && source[i - 2] == '@'));
                i = EndOfLiteral(source, i, escape: isVerbatim ? '"' : '\\');
            }
            else if (source[i] == '\'')
            {
                i = EndOfLiteral(source, i, escape: '\\');
            }
            else
            {
                code.Append(source[i++]);
                continue;
            }

            code.Append(' ');
        }

        return code.ToString();
    }

    private static int EndOf(string source, int start, string end, bool included)
    {
        int found = source.IndexOf(end, start, StringComparison.Ordinal);
        return found < 0 ? source.Length : included ? found + end.Length : found;
    }

    /// <summary>The index behind a literal. In a verbatim string a quote is escaped by a quote.</summary>
    private static int EndOfLiteral(string source, int start, char escape)
    {
        char quote = source[start];
        for (int i = start + 1; i < source.Length; i++)
        {
            bool isEscape = source[i] == escape && i + 1 < source.Length && (escape != quote || source[i + 1] == quote);
            if (isEscape)
            {
                i++;
            }
            else if (source[i] == quote)
            {
                return i + 1;
            }
        }

        return source.Length;
    }
}
