using System.Diagnostics.CodeAnalysis;

namespace DevP2P.Rlp;

/// <summary>Bytes are not the RLP that was expected; the message says why.</summary>
public sealed class RlpException : Exception
{
    /// <summary>Makes an exception whose message is "invalid RLP: " and the error in words.</summary>
    public RlpException(RlpError error)
        : base("invalid RLP: " + Describe(error)) => Error = error;

    /// <summary>What is wrong.</summary>
    public RlpError Error { get; }

    [DoesNotReturn]
    internal static void Throw(RlpError error) => throw new RlpException(error);

    private static string Describe(RlpError error) => error switch
    {
        RlpError.EndOfInput => "the input ends where an item was expected",
        RlpError.EndOfList => "the list has too few items",
        RlpError.ExpectedString => "a list stands where a string was expected",
        RlpError.ExpectedList => "a string stands where a list was expected",
        RlpError.NonCanonicalInteger => "an integer has leading zero bytes",
        RlpError.NonCanonicalSize => "a size is not in its shortest form",
        RlpError.ElementTooLarge => "an item is larger than the list that contains it",
        RlpError.ValueTooLarge => "an item is larger than the input",
        RlpError.IntegerOverflow => "an integer is too large for its type",
        RlpError.InvalidBoolean => "a boolean is neither 0 nor 1",
        RlpError.WrongLength => "a string has the wrong length",
        RlpError.TooManyItems => "a list has too many items",
        RlpError.TrailingData => "bytes follow the last item",
        RlpError.TooDeep => $"lists are nested deeper than {RlpEncoding.MaxDepth}",
        _ => error.ToString(),
    };
}
