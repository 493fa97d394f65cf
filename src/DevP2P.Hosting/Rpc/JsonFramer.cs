namespace DevP2P.Hosting.Rpc;

/// <summary>
/// Finds where one JSON object or array ends in a stream of them, as geth frames its IPC: with or without line ends between. Looks at
/// every byte once. What is inside is for the parser to judge.
/// </summary>
internal sealed class JsonFramer
{
    private int _position;
    private int _depth;
    private bool _isString;
    private bool _isEscaped;

    /// <summary>Nothing can be found any more.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Looks at what has come. Call it with all bytes since the last value's end, those that were there before included.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="end">Where the first value ends, if it does; 0 otherwise.</param>
    /// <returns>Whether it does. A stream that cannot be JSON, as neither object nor array begins, <see cref="IsBroken"/> from then on.</returns>
    public bool TryFind(ReadOnlySpan<byte> bytes, out int end)
    {
        end = 0;
        for (; _position < bytes.Length; _position++)
        {
            byte b = bytes[_position];
            if (_isString)
            {
                (_isString, _isEscaped) = (_isEscaped || b != (byte)'"', !_isEscaped && b == (byte)'\\');
                continue;
            }

            switch (b)
            {
                case (byte)'{' or (byte)'[':
                    _depth++;
                    break;
                case (byte)'}' or (byte)']' when _depth > 0:
                    if (--_depth == 0)
                    {
                        end = _position + 1;
                        _position = 0;
                        return true;
                    }

                    break;
                case (byte)'"' when _depth > 0:
                    _isString = true;
                    break;
                case (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n':
                    break;
                default:
                    if (_depth == 0)
                    {
                        IsBroken = true;
                        return false;
                    }

                    break;
            }
        }

        return false;
    }
}
