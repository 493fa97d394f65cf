namespace DevP2P.Nat;

/// <summary>Why a device between this host and the internet did not do what it was asked for.</summary>
public enum NatError
{
    /// <summary>There is no such device: no gateway, or nothing that answers on it.</summary>
    NotFound,

    /// <summary>The device does not answer any more.</summary>
    Timeout,

    /// <summary>The device's answer cannot be understood.</summary>
    Malformed,

    /// <summary>The external port is taken, or reserved: another may be free.</summary>
    Conflict,

    /// <summary>The device refuses: by its policy, for lack of resources, or as it is not connected itself.</summary>
    Refused,

    /// <summary>The method or the device cannot do that at all.</summary>
    Unsupported,
}

/// <summary>A device between this host and the internet did not do what it was asked for.</summary>
public sealed class NatException : Exception
{
    /// <summary>Makes an exception.</summary>
    /// <param name="error">Why.</param>
    /// <param name="message">What users read.</param>
    /// <param name="innerException">What caused it.</param>
    public NatException(NatError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>Why.</summary>
    public NatError Error { get; }
}
