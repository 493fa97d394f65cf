using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>
/// Finds an object that stands for a node already, so that many machines in one process can share it, and its key is checked
/// once. Null: a new one is made.
/// </summary>
/// <param name="endpoint">Where the node is.</param>
/// <param name="key">Its key, 64 bytes, not checked.</param>
internal delegate Node? KnownNodes(Endpoint endpoint, ReadOnlyMemory<byte> key);
