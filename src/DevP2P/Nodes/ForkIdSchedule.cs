using System.Buffers.Binary;

namespace DevP2P.Nodes;

/// <summary>What <see cref="ForkIdSchedule.Check"/> finds about a remote fork id.</summary>
/// <remarks>Go: nil, <c>forkid.ErrRemoteStale</c>, <c>forkid.ErrLocalIncompatibleOrStale</c>.</remarks>
public enum ForkIdCheck
{
    /// <summary>The same chain as far as can be known.</summary>
    Compatible,

    /// <summary>The remote node is behind and does not know a fork that we have passed: its software needs an update.</summary>
    RemoteStale,

    /// <summary>Another chain, or our own software needs an update.</summary>
    LocalIncompatibleOrStale,
}

/// <summary>The forks of one chain: makes its fork ids and checks those of others (EIP-2124). Immutable; safe for concurrent use.</summary>
/// <remarks>Go: <c>forkid.NewID</c>, <c>forkid.NewFilter</c>.</remarks>
public sealed class ForkIdSchedule
{
    /// <summary>
    /// Block numbers and timestamps share FORK_NEXT. The timestamp of mainnet's genesis block tells them apart: no chain has
    /// that many blocks, and no fork was before it.
    /// </summary>
    private const ulong FirstTimestamp = 1438269973;

    private readonly ulong[] _forks;
    private readonly int _blockForks;

    /// <summary>The checksums: of the genesis block, then after each fork.</summary>
    private readonly uint[] _sums;

    /// <summary>Describes a chain.</summary>
    /// <param name="genesisHash">The hash of the genesis block, 32 bytes.</param>
    /// <param name="forkBlocks">The block numbers of forks. Order and repetitions do not matter; 0 is no fork.</param>
    /// <param name="forkTimestamps">The timestamps (Unix seconds) of the forks after those; the genesis block's and earlier ones are no forks.</param>
    /// <param name="genesisTimestamp">The timestamp of the genesis block.</param>
    /// <exception cref="ArgumentException"><paramref name="genesisHash"/> does not have 32 bytes.</exception>
    public ForkIdSchedule(ReadOnlySpan<byte> genesisHash, IEnumerable<ulong> forkBlocks, IEnumerable<ulong> forkTimestamps, ulong genesisTimestamp = 0)
    {
        ArgumentNullException.ThrowIfNull(forkBlocks);
        ArgumentNullException.ThrowIfNull(forkTimestamps);
        if (genesisHash.Length != 32)
        {
            throw new ArgumentException($"a block hash has 32 bytes, not {genesisHash.Length}", nameof(genesisHash));
        }

        ulong[] blocks = [.. forkBlocks.Where(block => block != 0).Distinct().Order()];
        _forks = [.. blocks, .. forkTimestamps.Where(time => time > genesisTimestamp).Distinct().Order()];
        _blockForks = blocks.Length;
        _sums = new uint[_forks.Length + 1];
        _sums[0] = Crc32(0, genesisHash);
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        for (int i = 0; i < _forks.Length; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(number, _forks[i]);
            _sums[i + 1] = Crc32(_sums[i], number);
        }
    }

    /// <summary>The fork id of a node of this chain.</summary>
    /// <param name="headBlock">The number of its newest block.</param>
    /// <param name="headTimestamp">That block's timestamp.</param>
    /// <remarks>Go: <c>forkid.NewID</c>.</remarks>
    public ForkId GetId(ulong headBlock, ulong headTimestamp)
    {
        int passed = CountPassed(headBlock, headTimestamp);
        return new ForkId(_sums[passed], passed < _forks.Length ? _forks[passed] : 0);
    }

    /// <summary>Checks a remote node's fork id by the rules of EIP-2124.</summary>
    /// <param name="remote">What the remote node says.</param>
    /// <param name="headBlock">The number of our newest block.</param>
    /// <param name="headTimestamp">That block's timestamp.</param>
    /// <remarks>Go: <c>forkid.Filter</c>.</remarks>
    public ForkIdCheck Check(ForkId remote, ulong headBlock, ulong headTimestamp)
    {
        int passed = CountPassed(headBlock, headTimestamp);
        int match = Array.IndexOf(_sums, remote.Hash);
        if (match < 0)
        {
            // Rule 4: neither our past nor a future that we know.
            return ForkIdCheck.LocalIncompatibleOrStale;
        }

        if (match < passed)
        {
            // Rule 2: the remote node is syncing; the fork that follows for it must be the one that followed for us.
            return remote.Next == _forks[match] ? ForkIdCheck.Compatible : ForkIdCheck.RemoteStale;
        }

        // Rule 3: we are syncing, and on the way there. Rule 1: the same state; 1a: but we went past the remote's next fork
        // without forking.
        return match == passed && HasPassed(remote.Next, passed, headBlock, headTimestamp)
            ? ForkIdCheck.LocalIncompatibleOrStale
            : ForkIdCheck.Compatible;
    }

    /// <summary>A predicate for discovery: whether a node's record names a compatible chain. Records without a fork id do not.</summary>
    /// <param name="head">Returns number and timestamp of our newest block; called for every record.</param>
    /// <remarks>Go: <c>eth.NewNodeFilter</c>.</remarks>
    public Func<NodeRecord, bool> CreateFilter(Func<(ulong Block, ulong Timestamp)> head)
    {
        ArgumentNullException.ThrowIfNull(head);
        return record =>
        {
            ArgumentNullException.ThrowIfNull(record);
            (ulong block, ulong timestamp) = head();
            return record.ForkId is { } id && Check(id, block, timestamp) == ForkIdCheck.Compatible;
        };
    }

    /// <summary>As <see cref="CreateFilter(Func{ValueTuple{ulong, ulong}})"/>, for a program that has no chain: as seen from the genesis block.</summary>
    /// <remarks>Go: <c>forkid.NewStaticFilter</c>.</remarks>
    public Func<NodeRecord, bool> CreateFilter() => CreateFilter(static () => (0, 0));

    private int CountPassed(ulong headBlock, ulong headTimestamp)
    {
        int passed = 0;
        while (passed < _forks.Length && HeadFor(passed, headBlock, headTimestamp) >= _forks[passed])
        {
            passed++;
        }

        return passed;
    }

    private ulong HeadFor(int fork, ulong headBlock, ulong headTimestamp) => fork < _blockForks ? headBlock : headTimestamp;

    private bool HasPassed(ulong next, int passed, ulong headBlock, ulong headTimestamp)
    {
        // Behind the last fork of a chain that only forks by block, the remote's next one is taken for a block, too.
        bool byBlock = passed < _blockForks || _blockForks == _forks.Length;
        return next != 0 && ((byBlock ? headBlock : headTimestamp) >= next || (next > FirstTimestamp && headTimestamp >= next));
    }

    /// <summary>CRC-32 of IEEE 802.3 (the one of zip and Ethernet), continued from the checksum of what came before.</summary>
    private static uint Crc32(uint sum, ReadOnlySpan<byte> bytes)
    {
        const uint Polynomial = 0xEDB88320;
        sum = ~sum;
        foreach (byte b in bytes)
        {
            sum ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                sum = (sum >> 1) ^ (Polynomial & (0 - (sum & 1)));
            }
        }

        return ~sum;
    }
}
