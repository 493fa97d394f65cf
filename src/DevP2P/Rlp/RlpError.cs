namespace DevP2P.Rlp;

/// <summary>Why bytes are not the RLP that was expected.</summary>
/// <remarks>Go: the <c>Err...</c> variables of package <c>rlp</c>.</remarks>
public enum RlpError
{
    /// <summary>No error.</summary>
    None,

    /// <summary>An item was expected, but the input has ended (Go: <c>io.EOF</c>).</summary>
    EndOfInput,

    /// <summary>An item was expected, but the list has no more (Go: <c>EOL</c>, "too few elements").</summary>
    EndOfList,

    /// <summary>A string was expected and a list found (Go: <c>ErrExpectedString</c>).</summary>
    ExpectedString,

    /// <summary>A list was expected and a string found (Go: <c>ErrExpectedList</c>).</summary>
    ExpectedList,

    /// <summary>An integer has leading zero bytes (Go: <c>ErrCanonInt</c>).</summary>
    NonCanonicalInteger,

    /// <summary>A header is longer than it has to be, or its size has leading zeros (Go: <c>ErrCanonSize</c>).</summary>
    NonCanonicalSize,

    /// <summary>An item claims more bytes than the list around it has left (Go: <c>ErrElemTooLarge</c>).</summary>
    ElementTooLarge,

    /// <summary>An item claims more bytes than the input has left (Go: <c>ErrValueTooLarge</c>).</summary>
    ValueTooLarge,

    /// <summary>An integer does not fit its type (Go: <c>errUintOverflow</c>).</summary>
    IntegerOverflow,

    /// <summary>A boolean is neither 0 nor 1.</summary>
    InvalidBoolean,

    /// <summary>A string has another length than the one demanded.</summary>
    WrongLength,

    /// <summary>A list has more items than it may have (Go: "input list has too many elements").</summary>
    TooManyItems,

    /// <summary>Bytes follow the last item of the input (Go: <c>ErrMoreThanOneValue</c>).</summary>
    TrailingData,

    /// <summary>Lists are nested deeper than <see cref="RlpEncoding.MaxDepth"/>.</summary>
    TooDeep,
}
