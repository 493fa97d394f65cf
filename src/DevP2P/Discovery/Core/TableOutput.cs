using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>What a <see cref="NodeTable"/> tells its owner.</summary>
internal enum TableOutputKind : byte
{
    /// <summary>
    /// Ping this node at this endpoint. To be answered with <see cref="NodeTable.CheckPassed"/> or
    /// <see cref="NodeTable.CheckFailed"/>, exactly once.
    /// </summary>
    Check,

    /// <summary>The node became an entry of its bucket, as a new node or in place of another.</summary>
    NodeAdded,

    /// <summary>The entry was removed from its bucket.</summary>
    NodeRemoved,
}

/// <summary>An output of a <see cref="NodeTable"/>.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Entry">The entry; it may have changed or have been removed since.</param>
/// <param name="Node">The node as it was at that moment.</param>
internal readonly record struct TableOutput(TableOutputKind Kind, TableEntry Entry, Node Node)
{
    /// <summary>The liveness check, of a <see cref="TableOutputKind.Check"/>.</summary>
    public LivenessCheck Check => new(Entry, Node);
}

/// <summary>A liveness check: an entry, and the node as it was when the check began.</summary>
internal readonly record struct LivenessCheck(TableEntry Entry, Node Node);
