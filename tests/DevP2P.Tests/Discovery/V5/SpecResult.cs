namespace Discv5Spec;

/// <summary>Why the specification's rules refuse some bytes.</summary>
internal enum SpecError
{
    // The packet.
    PacketTooShort,
    PacketTooLong,
    ProtocolId,
    Version,
    Flag,
    AuthDataBeyondEnd,
    AuthDataSize,
    SignatureSize,
    EphemeralKeySize,
    MessageInWhoareyou,

    // The handshake.
    ChallengeData,
    RecordMissing,
    RecordOfAnotherNode,
    IdSignature,
    EphemeralKey,

    // The message.
    Decryption,
    MessageEmpty,
    MessageType,
    RequestIdTooLong,
    AddressSize,

    // RLP.
    RlpTruncated,
    RlpTrailingBytes,
    RlpNotCanonical,
    RlpListExpected,
    RlpStringExpected,
    RlpElementCount,
    RlpIntegerNotCanonical,
    RlpIntegerTooLarge,

    // The node record.
    RecordTooLong,
    RecordKeyWithoutValue,
    RecordKeysNotSorted,
    RecordKeyRepeated,
    RecordIdentityScheme,
    RecordPublicKey,
    RecordSignature,
}

/// <summary>What was decoded, or why nothing was.</summary>
internal sealed record SpecResult<T>
    where T : class
{
    private SpecResult(T? value, SpecError? error) => (Value, Error) = (value, error);

    /// <summary>Null if it was refused.</summary>
    public T? Value { get; }

    /// <summary>Null if it was not.</summary>
    public SpecError? Error { get; }

    /// <summary>Runs a decoder whose rules throw.</summary>
    public static SpecResult<T> Of(Func<T> decode)
    {
        try
        {
            return new SpecResult<T>(decode(), null);
        }
        catch (SpecException e)
        {
            return new SpecResult<T>(null, e.Error);
        }
    }
}

/// <summary>A rule is broken; it ends the decoding.</summary>
internal sealed class SpecException(SpecError error) : Exception(error.ToString())
{
    public SpecError Error { get; } = error;

    public static void Require(bool rule, SpecError error)
    {
        if (!rule)
        {
            throw new SpecException(error);
        }
    }
}
