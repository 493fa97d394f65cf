using DevP2P.Nodes;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Nodes;

/// <summary>Fork ids; the vectors are those of EIP-2124 and of go-ethereum's core/forkid.</summary>
public class ForkIdTests
{
    private static readonly byte[] MainnetGenesis = Hash("d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3");

    private static readonly ulong[] MainnetBlocks =
    [
        // Some forks share a block, and the order does not matter.
        15050000, 1150000, 1920000, 2463000, 2675000, 2675000, 4370000, 7280000, 7280000, 9069000, 9200000, 12244000, 12965000, 13773000,
    ];

    private static readonly Dictionary<string, ForkIdSchedule> Chains = new()
    {
        ["Mainnet"] = new(MainnetGenesis, MainnetBlocks, [1681338455, 1710338135, 1746612311, 1764798551, 1765290071, 1767747671]),
        ["Legacy"] = new(MainnetGenesis, MainnetBlocks, []),
        ["Petersburg"] = new(MainnetGenesis, MainnetBlocks.Where(block => block <= 7280000), []),
        ["Sepolia"] = new(
            Hash("25a5cc106eea7138acab33231d7160d69cb777ee0c2c553fcddf5138993e6dd9"),
            [0, 0, 1735371],
            [1677557088, 1706655072, 1741159776, 1760427360, 1761017184, 1761607008],
            1633267481),
        ["Holesky"] = new(
            Hash("b5f7f912443c940f21fd611f12828d75b534364ed9e95ca4e307729a4661bde4"),
            [0],
            [1696000704, 1707305664, 1740434112, 1759308480, 1759800000, 1760389824],
            1695902100),
        ["Hoodi"] = new(
            Hash("bbe312868b376a3001692a646dd2d7d1e4406380dfd86b98aa8a34d1557c971b"),
            [0],
            [0, 0, 1742999832, 1761677592, 1762365720, 1762955544],
            1742212800),
        ["Ropsten"] = new(
            Hash("41941023680923e0fe4d74a34bdac8141f2540e3ae90623718e47d66d1ca4a2d"), [0, 0, 10, 10, 1700000, 4230000, 4939394, 6485846], []),
        ["Rinkeby"] = new(
            Hash("6341fd3daf94b748c72ced5a5b26028f2474f5f00d824504e4fa37a75767e177"), [1, 2, 3, 3, 1035301, 3660663, 4321234, 5435345], []),
        ["Goerli"] = new(
            Hash("bf7e331f7f7c1dd2e05159666b3bf8bc7a8a3a9eb1d518969eab529dd9b88c1a"), [0, 1561651], []),
    };

    [Theory]
    [InlineData("Mainnet", 0, 0, 0xfc64ec04, 1150000)]
    [InlineData("Mainnet", 1149999, 0, 0xfc64ec04, 1150000)]
    [InlineData("Mainnet", 1150000, 0, 0x97c2c34c, 1920000)]
    [InlineData("Mainnet", 1919999, 0, 0x97c2c34c, 1920000)]
    [InlineData("Mainnet", 1920000, 0, 0x91d1f948, 2463000)]
    [InlineData("Mainnet", 2462999, 0, 0x91d1f948, 2463000)]
    [InlineData("Mainnet", 2463000, 0, 0x7a64da13, 2675000)]
    [InlineData("Mainnet", 2674999, 0, 0x7a64da13, 2675000)]
    [InlineData("Mainnet", 2675000, 0, 0x3edd5b10, 4370000)]
    [InlineData("Mainnet", 4369999, 0, 0x3edd5b10, 4370000)]
    [InlineData("Mainnet", 4370000, 0, 0xa00bc324, 7280000)]
    [InlineData("Mainnet", 7279999, 0, 0xa00bc324, 7280000)]
    [InlineData("Mainnet", 7280000, 0, 0x668db0af, 9069000)]
    [InlineData("Mainnet", 9068999, 0, 0x668db0af, 9069000)]
    [InlineData("Mainnet", 9069000, 0, 0x879d6e30, 9200000)]
    [InlineData("Mainnet", 9199999, 0, 0x879d6e30, 9200000)]
    [InlineData("Mainnet", 9200000, 0, 0xe029e991, 12244000)]
    [InlineData("Mainnet", 12243999, 0, 0xe029e991, 12244000)]
    [InlineData("Mainnet", 12244000, 0, 0x0eb440f6, 12965000)]
    [InlineData("Mainnet", 12964999, 0, 0x0eb440f6, 12965000)]
    [InlineData("Mainnet", 12965000, 0, 0xb715077d, 13773000)]
    [InlineData("Mainnet", 13772999, 0, 0xb715077d, 13773000)]
    [InlineData("Mainnet", 13773000, 0, 0x20c327fc, 15050000)]
    [InlineData("Mainnet", 15049999, 0, 0x20c327fc, 15050000)]
    [InlineData("Mainnet", 15050000, 0, 0xf0afd0e3, 1681338455)]
    [InlineData("Mainnet", 20000000, 1681338454, 0xf0afd0e3, 1681338455)]
    [InlineData("Mainnet", 20000000, 1681338455, 0xdce96c2d, 1710338135)]
    [InlineData("Mainnet", 30000000, 1710338134, 0xdce96c2d, 1710338135)]
    [InlineData("Mainnet", 30000000, 1710338135, 0x9f3d2254, 1746612311)]
    [InlineData("Mainnet", 30000000, 1746022486, 0x9f3d2254, 1746612311)]
    [InlineData("Mainnet", 30000000, 1746612311, 0xc376cf8b, 1764798551)]
    [InlineData("Mainnet", 30000000, 1764798550, 0xc376cf8b, 1764798551)]
    [InlineData("Mainnet", 30000000, 1764798551, 0x5167e2a6, 1765290071)]
    [InlineData("Mainnet", 30000000, 1765290070, 0x5167e2a6, 1765290071)]
    [InlineData("Mainnet", 30000000, 1765290071, 0xcba2a1c0, 1767747671)]
    [InlineData("Mainnet", 30000000, 1767747670, 0xcba2a1c0, 1767747671)]
    [InlineData("Mainnet", 30000000, 1767747671, 0x07c9462e, 0)]
    [InlineData("Mainnet", 50000000, 2000000000, 0x07c9462e, 0)]
    [InlineData("Sepolia", 0, 0, 0xfe3366e7, 1735371)]
    [InlineData("Sepolia", 1735370, 0, 0xfe3366e7, 1735371)]
    [InlineData("Sepolia", 1735371, 0, 0xb96cbd13, 1677557088)]
    [InlineData("Sepolia", 1735372, 1677557087, 0xb96cbd13, 1677557088)]
    [InlineData("Sepolia", 1735372, 1677557088, 0xf7f9bc08, 1706655072)]
    [InlineData("Sepolia", 1735372, 1706655071, 0xf7f9bc08, 1706655072)]
    [InlineData("Sepolia", 1735372, 1706655072, 0x88cf81d9, 1741159776)]
    [InlineData("Sepolia", 1735372, 1741159775, 0x88cf81d9, 1741159776)]
    [InlineData("Sepolia", 1735372, 1741159776, 0xed88b5fd, 1760427360)]
    [InlineData("Sepolia", 1735372, 1760427359, 0xed88b5fd, 1760427360)]
    [InlineData("Sepolia", 1735372, 1760427360, 0xe2ae4999, 1761017184)]
    [InlineData("Sepolia", 1735372, 1761017183, 0xe2ae4999, 1761017184)]
    [InlineData("Sepolia", 1735372, 1761017184, 0x56078a1e, 1761607008)]
    [InlineData("Sepolia", 1735372, 1761607007, 0x56078a1e, 1761607008)]
    [InlineData("Sepolia", 1735372, 1761607008, 0x268956b6, 0)]
    [InlineData("Sepolia", 1735372, 2000000000, 0x268956b6, 0)]
    [InlineData("Holesky", 0, 0, 0xc61a6098, 1696000704)]
    [InlineData("Holesky", 123, 0, 0xc61a6098, 1696000704)]
    [InlineData("Holesky", 123, 1696000704, 0xfd4f016b, 1707305664)]
    [InlineData("Holesky", 123, 1707305663, 0xfd4f016b, 1707305664)]
    [InlineData("Holesky", 123, 1707305664, 0x9b192ad0, 1740434112)]
    [InlineData("Holesky", 123, 1740434111, 0x9b192ad0, 1740434112)]
    [InlineData("Holesky", 123, 1740434112, 0xdfbd9bed, 1759308480)]
    [InlineData("Holesky", 123, 1759308479, 0xdfbd9bed, 1759308480)]
    [InlineData("Holesky", 123, 1759308480, 0x783def52, 1759800000)]
    [InlineData("Holesky", 123, 1759799999, 0x783def52, 1759800000)]
    [InlineData("Holesky", 123, 1759800000, 0xa280a45c, 1760389824)]
    [InlineData("Holesky", 123, 1760389823, 0xa280a45c, 1760389824)]
    [InlineData("Holesky", 123, 1760389824, 0x9bc6cb31, 0)]
    [InlineData("Holesky", 123, 2000000000, 0x9bc6cb31, 0)]
    [InlineData("Hoodi", 0, 0, 0xbef71d30, 1742999832)]
    [InlineData("Hoodi", 123, 1742999831, 0xbef71d30, 1742999832)]
    [InlineData("Hoodi", 123, 1742999832, 0x0929e24e, 1761677592)]
    [InlineData("Hoodi", 123, 1761677591, 0x0929e24e, 1761677592)]
    [InlineData("Hoodi", 123, 1761677592, 0xe7e0e7ff, 1762365720)]
    [InlineData("Hoodi", 123, 1762365719, 0xe7e0e7ff, 1762365720)]
    [InlineData("Hoodi", 123, 1762365720, 0x3893353e, 1762955544)]
    [InlineData("Hoodi", 123, 1762955543, 0x3893353e, 1762955544)]
    [InlineData("Hoodi", 123, 1762955544, 0x23aa1351, 0)]
    [InlineData("Hoodi", 123, 2000000000, 0x23aa1351, 0)]
    // EIP-2124, "Test Cases"
    [InlineData("Petersburg", 0, 0, 0xfc64ec04, 1150000)]
    [InlineData("Petersburg", 1149999, 0, 0xfc64ec04, 1150000)]
    [InlineData("Petersburg", 1150000, 0, 0x97c2c34c, 1920000)]
    [InlineData("Petersburg", 1919999, 0, 0x97c2c34c, 1920000)]
    [InlineData("Petersburg", 1920000, 0, 0x91d1f948, 2463000)]
    [InlineData("Petersburg", 2462999, 0, 0x91d1f948, 2463000)]
    [InlineData("Petersburg", 2463000, 0, 0x7a64da13, 2675000)]
    [InlineData("Petersburg", 2674999, 0, 0x7a64da13, 2675000)]
    [InlineData("Petersburg", 2675000, 0, 0x3edd5b10, 4370000)]
    [InlineData("Petersburg", 4369999, 0, 0x3edd5b10, 4370000)]
    [InlineData("Petersburg", 4370000, 0, 0xa00bc324, 7280000)]
    [InlineData("Petersburg", 7279999, 0, 0xa00bc324, 7280000)]
    [InlineData("Petersburg", 7280000, 0, 0x668db0af, 0)]
    [InlineData("Petersburg", 7987396, 0, 0x668db0af, 0)]
    [InlineData("Ropsten", 0, 0, 0x30c7ddbc, 10)]
    [InlineData("Ropsten", 9, 0, 0x30c7ddbc, 10)]
    [InlineData("Ropsten", 10, 0, 0x63760190, 1700000)]
    [InlineData("Ropsten", 1699999, 0, 0x63760190, 1700000)]
    [InlineData("Ropsten", 1700000, 0, 0x3ea159c7, 4230000)]
    [InlineData("Ropsten", 4229999, 0, 0x3ea159c7, 4230000)]
    [InlineData("Ropsten", 4230000, 0, 0x97b544f3, 4939394)]
    [InlineData("Ropsten", 4939393, 0, 0x97b544f3, 4939394)]
    [InlineData("Ropsten", 4939394, 0, 0xd6e2149b, 6485846)]
    [InlineData("Ropsten", 6485845, 0, 0xd6e2149b, 6485846)]
    [InlineData("Ropsten", 6485846, 0, 0x4bc66396, 0)]
    [InlineData("Ropsten", 7500000, 0, 0x4bc66396, 0)]
    [InlineData("Rinkeby", 0, 0, 0x3b8e0691, 1)]
    [InlineData("Rinkeby", 1, 0, 0x60949295, 2)]
    [InlineData("Rinkeby", 2, 0, 0x8bde40dd, 3)]
    [InlineData("Rinkeby", 3, 0, 0xcb3a64bb, 1035301)]
    [InlineData("Rinkeby", 1035300, 0, 0xcb3a64bb, 1035301)]
    [InlineData("Rinkeby", 1035301, 0, 0x8d748b57, 3660663)]
    [InlineData("Rinkeby", 3660662, 0, 0x8d748b57, 3660663)]
    [InlineData("Rinkeby", 3660663, 0, 0xe49cab14, 4321234)]
    [InlineData("Rinkeby", 4321233, 0, 0xe49cab14, 4321234)]
    [InlineData("Rinkeby", 4321234, 0, 0xafec6b27, 5435345)]
    [InlineData("Rinkeby", 5435344, 0, 0xafec6b27, 5435345)]
    [InlineData("Rinkeby", 5435345, 0, 0xcbdb8838, 0)]
    [InlineData("Rinkeby", 6000000, 0, 0xcbdb8838, 0)]
    [InlineData("Goerli", 0, 0, 0xa3f5ab08, 1561651)]
    [InlineData("Goerli", 1561650, 0, 0xa3f5ab08, 1561651)]
    [InlineData("Goerli", 1561651, 0, 0xc25efa5c, 0)]
    [InlineData("Goerli", 2000000, 0, 0xc25efa5c, 0)]
    public void Ids_of_known_chains(string chain, ulong block, ulong timestamp, uint hash, ulong next) =>
        Assert.Equal(new ForkId(hash, next), Chains[chain].GetId(block, timestamp));

    [Theory]
    [InlineData("Legacy", 15050000, 0, 0xf0afd0e3, 0, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 15050000, 0, 0xf0afd0e3, ulong.MaxValue, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 7279999, 0, 0xa00bc324, 0, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 7279999, 0, 0xa00bc324, 7280000, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 7279999, 0, 0xa00bc324, ulong.MaxValue, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 7280000, 0, 0xa00bc324, 7280000, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 7987396, 0, 0xa00bc324, 7280000, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 7987396, 0, 0x3edd5b10, 4370000, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 7279999, 0, 0x668db0af, 0, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 4369999, 0, 0xa00bc324, 0, ForkIdCheck.Compatible)]
    [InlineData("Legacy", 7987396, 0, 0xa00bc324, 0, ForkIdCheck.RemoteStale)]
    [InlineData("Legacy", 7987396, 0, 0x5cddc0e1, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Legacy", 7279999, 0, 0x5cddc0e1, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Legacy", 7987396, 0, 0xafec6b27, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Legacy", 88888888, 0, 0xf0afd0e3, 88888888, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Legacy", 7279999, 0, 0xa00bc324, 7279999, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Mainnet", 15050000, 0, 0xf0afd0e3, 0, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 15050000, 0, 0xf0afd0e3, 1681338455, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 15050000, 0, 0xf0afd0e3, ulong.MaxValue, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 20000000, 1681338455, 0xf0afd0e3, 1681338455, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 20123456, 1681338456, 0xf0afd0e3, 1681338455, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 20000000, 1681338455, 0x20c327fc, 15050000, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 15050000, 0, 0xdce96c2d, 0, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 13773000, 0, 0xf0afd0e3, 0, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 20000000, 1681338455, 0xf0afd0e3, 0, ForkIdCheck.RemoteStale)]
    [InlineData("Mainnet", 15050000, 0, 0x27a60dbd, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Mainnet", 15050000, 0, 0x726f5618, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Mainnet", 888888888, 1660000000, 0xf0afd0e3, 1660000000, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Mainnet", 19999999, 1667999999, 0xf0afd0e3, 1667999999, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Mainnet", 20000000, 1681338455, 0xdce96c2d, 0, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 20000000, 1681338455, 0xdce96c2d, ulong.MaxValue, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 20000000, 1668000000, 0xdce96c2d, 0, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 20000000, 1668000000, 0xdce96c2d, 1710338135, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 20000000, 1668000000, 0xdce96c2d, ulong.MaxValue, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 21000000, 1710338135, 0xdce96c2d, 1710338135, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 21123456, 1710338136, 0xdce96c2d, 1710338135, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 0, 0, 0x3edd5b10, 1710338135, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 21000000, 1700000000, 0x9f3d2254, 0, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 21000000, 1678000000, 0xc376cf8b, 0, ForkIdCheck.Compatible)]
    [InlineData("Mainnet", 21000000, 1710338135, 0xdce96c2d, 0, ForkIdCheck.RemoteStale)]
    [InlineData("Mainnet", 20000000, 1681338455, 0x726f5618, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Mainnet", 20000000, 1668000000, 0x43b8ae27, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Mainnet", 20000000, 1681338455, 0x12345678, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Mainnet", 88888888, 8888888888, 0x07c9462e, 8888888888, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Mainnet", 20999999, 1699999999, 0x71147644, 1700000000, ForkIdCheck.LocalIncompatibleOrStale)]
    // EIP-2124, "Test Cases"
    [InlineData("Petersburg", 7987396, 0, 0x668db0af, 0, ForkIdCheck.Compatible)]
    [InlineData("Petersburg", 7987396, 0, 0x668db0af, ulong.MaxValue, ForkIdCheck.Compatible)]
    [InlineData("Petersburg", 7279999, 0, 0xa00bc324, 0, ForkIdCheck.Compatible)]
    [InlineData("Petersburg", 7279999, 0, 0xa00bc324, 7280000, ForkIdCheck.Compatible)]
    [InlineData("Petersburg", 7279999, 0, 0xa00bc324, ulong.MaxValue, ForkIdCheck.Compatible)]
    [InlineData("Petersburg", 7987396, 0, 0xa00bc324, 7280000, ForkIdCheck.Compatible)]
    [InlineData("Petersburg", 7987396, 0, 0x3edd5b10, 4370000, ForkIdCheck.Compatible)]
    [InlineData("Petersburg", 7279999, 0, 0x668db0af, 0, ForkIdCheck.Compatible)]
    [InlineData("Petersburg", 4369999, 0, 0xa00bc324, 0, ForkIdCheck.Compatible)]
    [InlineData("Petersburg", 7987396, 0, 0xa00bc324, 0, ForkIdCheck.RemoteStale)]
    [InlineData("Petersburg", 7987396, 0, 0x5cddc0e1, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Petersburg", 7279999, 0, 0x5cddc0e1, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Petersburg", 7987396, 0, 0xafec6b27, 0, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Petersburg", 88888888, 0, 0x668db0af, 88888888, ForkIdCheck.LocalIncompatibleOrStale)]
    [InlineData("Petersburg", 7279999, 0, 0xa00bc324, 7279999, ForkIdCheck.LocalIncompatibleOrStale)]
    public void Remote_ids_are_judged_as_eip_2124_demands(string chain, ulong block, ulong timestamp, uint hash, ulong next, ForkIdCheck expected) =>
        Assert.Equal(expected, Chains[chain].Check(new ForkId(hash, next), block, timestamp));

    /// <summary>go-ethereum's TestTimeBasedForkInGenesis.</summary>
    [Theory]
    [InlineData(-1, 1, 1)]
    [InlineData(0, 1, 1)]
    [InlineData(1, 2, 1)]
    public void Timestamps_up_to_the_genesis_block_are_no_forks(int first, int second, int next)
    {
        const long Time = 1690475657;
        byte[] genesis = new byte[32];
        uint hash = new ForkIdSchedule(genesis, [], []).GetId(0, 0).Hash;
        var chain = new ForkIdSchedule(genesis, [0], [(ulong)(Time + first), (ulong)(Time + second)], (ulong)Time);
        Assert.Equal(new ForkId(hash, (ulong)(Time + next)), chain.GetId(0, (ulong)Time));
    }

    [Theory]
    [InlineData(0, 0, "c6840000000080")]
    [InlineData(0xdeadbeef, 0xBADDCAFE, "ca84deadbeef84baddcafe")]
    [InlineData(uint.MaxValue, ulong.MaxValue, "ce84ffffffff88ffffffffffffffff")]
    public void The_encoding_of_the_hash_has_four_bytes(uint hash, ulong next, string hex)
    {
        var id = new ForkId(hash, next);
        Assert.Equal(hex, Convert.ToHexStringLower(RlpEncoding.Encode(id)));
        var reader = new RlpReader(Convert.FromHexString(hex));
        Assert.True(ForkId.TryRead(ref reader, out ForkId back));
        Assert.Equal(id, back);
    }

    [Theory]
    [InlineData("c0")]
    [InlineData("80")]
    [InlineData("c483000000")]
    [InlineData("c58400000000")]
    [InlineData("c78400000000820001")]
    [InlineData("c784000000008100")]
    public void Malformed_ids_are_refused(string hex)
    {
        var reader = new RlpReader(Convert.FromHexString(hex));
        Assert.False(ForkId.TryRead(ref reader, out ForkId id));
        Assert.Equal(default, id);
    }

    [Fact]
    public void Later_additions_to_the_entry_and_to_the_id_are_ignored()
    {
        NodeRecord record = new NodeRecordBuilder().Set("eth", new object[] { new object[] { new byte[] { 0, 0, 0, 1 }, 2, "later" }, "much later", 3 }).Sign(TestRecords.Key);
        Assert.Equal(new ForkId(1, 2), record.ForkId);
    }

    [Fact]
    public void The_filter_lets_records_of_compatible_chains_pass()
    {
        (ulong, ulong) head = (15050000, 0);
        Func<NodeRecord, bool> filter = Chains["Mainnet"].CreateFilter(() => head);
        Func<NodeRecord, bool> fromGenesis = Chains["Mainnet"].CreateFilter();
        NodeRecord grayGlacier = Record(new ForkId(0xf0afd0e3, 0));

        Assert.True(filter(grayGlacier));
        Assert.True(fromGenesis(grayGlacier));
        Assert.False(filter(Record(new ForkId(0xfe3366e7, 1735371))));
        Assert.False(fromGenesis(Record(new ForkId(0xfe3366e7, 1735371))));
        Assert.False(filter(new NodeRecordBuilder().Sign(TestRecords.Key)));
        head = (20000000, 1681338455);
        Assert.False(filter(grayGlacier));

        static NodeRecord Record(ForkId id) => new NodeRecordBuilder().SetForkId(id).Sign(TestRecords.Key);
    }

    [Fact]
    public void A_genesis_hash_has_32_bytes() =>
        Assert.Throws<ArgumentException>(() => new ForkIdSchedule(new byte[31], [], []));

    [Fact]
    public void The_text_names_hash_and_next_fork() => Assert.Equal("0x00000001/2", new ForkId(1, 2).ToString());

    private static byte[] Hash(string hex) => Convert.FromHexString(hex);
}
