namespace DevP2P.Rlp;

/// <summary>The two kinds of RLP item.</summary>
/// <remarks>Go: <c>rlp.Kind</c>, whose <c>Byte</c> is a string of one byte here.</remarks>
public enum RlpKind
{
    /// <summary>A string of bytes, possibly empty. Numbers, booleans and texts are strings too.</summary>
#pragma warning disable CA1720 // the format's own word
    String,
#pragma warning restore CA1720

    /// <summary>A list of items, possibly empty.</summary>
    List,
}
