namespace DevP2P.Rlpx;

/// <summary>Whether flushes of one connection should rest before: they do while that pays, and try it ever less often while it does not.</summary>
internal struct FlushPacing
{
    /// <summary>A rest has paid if so many messages more came in the course of it.</summary>
    private const int WorthIt = 8;

    private const int MaxFlushesBetween = 1024;

    private int _flushesUntilRest;
    private int _flushesBetween;

    /// <summary>Before each flush of more than one message.</summary>
    public bool IsRestDue()
    {
        if (_flushesBetween == 0)
        {
            _flushesUntilRest = _flushesBetween = WorthIt;
        }

        return --_flushesUntilRest <= 0;
    }

    /// <summary>After a rest.</summary>
    /// <param name="messages">How many messages came meanwhile.</param>
    public void Rested(int messages)
    {
        bool paid = messages >= WorthIt;
        _flushesBetween = paid ? WorthIt : Math.Min(2 * _flushesBetween, MaxFlushesBetween);
        _flushesUntilRest = paid ? 0 : _flushesBetween;
    }
}
