namespace DevP2P.Rlp;

/// <summary>A list that <see cref="RlpWriter.StartList"/> opened and <see cref="RlpWriter.EndList"/> closes.</summary>
public readonly record struct RlpListToken
{
    /// <summary>Where the list's content starts.</summary>
    internal int Start { get; init; }

    /// <summary>How many lists are open, this one included.</summary>
    internal int Depth { get; init; }
}
