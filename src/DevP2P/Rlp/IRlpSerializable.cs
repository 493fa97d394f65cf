namespace DevP2P.Rlp;

/// <summary>Something that writes itself as RLP.</summary>
/// <remarks>Go: <c>rlp.Encoder</c>.</remarks>
public interface IRlpSerializable
{
    /// <summary>Writes exactly one item: a string, a number or a list.</summary>
    /// <param name="writer">Where to. Pass it on by reference only: a copy would lose what is written through it.</param>
    void WriteTo(ref RlpWriter writer);
}
