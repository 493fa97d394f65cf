using BenchmarkDotNet.Attributes;
using DevP2P.Crypto;

namespace DevP2P.Benchmarks;

/// <summary>What a frame costs: the MAC's hash and cipher block, and the payload's key stream.</summary>
[MemoryDiagnoser]
public class CryptoBenchmarks
{
    private readonly byte[] _data = new byte[16384];
    private readonly byte[] _digest = new byte[32];
    private readonly AesCtr _ctr = new(new byte[32], new byte[16]);
    private readonly AesCtr _portableCtr = new(new byte[32], new byte[16], useHardware: false);
    private readonly AesBlock _block = new(new byte[32]);
    private readonly AesBlock _portableBlock = new(new byte[32], useHardware: false);
    private KeccakState _state;

    [Benchmark]
    public void KeccakPermutation() => Crypto.KeccakPermutation.Permute(ref _state);

    [Benchmark]
    public void KeccakPermutationScalar() => Crypto.KeccakPermutation.PermuteScalar(ref _state);

    [Benchmark]
    public void Keccak32() => Keccak256.Hash(_data.AsSpan(0, 32), _digest);

    [Benchmark]
    public void Keccak1K() => Keccak256.Hash(_data.AsSpan(0, 1024), _digest);

    [Benchmark]
    public void AesBlockOne() => _block.Encrypt(_digest, _digest);

    [Benchmark]
    public void AesBlockOnePortable() => _portableBlock.Encrypt(_digest, _digest);

    [Benchmark]
    public void AesCtr16() => _ctr.Process(_data.AsSpan(0, 16));

    [Benchmark]
    public void AesCtr1K() => _ctr.Process(_data.AsSpan(0, 1024));

    [Benchmark]
    public void AesCtr16K() => _ctr.Process(_data);

    [Benchmark]
    public void AesCtr16KPortable() => _portableCtr.Process(_data);
}

/// <summary>What a handshake costs, with each implementation of the curve.</summary>
[MemoryDiagnoser]
public class CurveBenchmarks
{
    private readonly byte[] _key = Convert.FromHexString("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291");
    private readonly byte[] _hash = Convert.FromHexString("ce0677bb30baa8cf067c88db9811f4333d131bf8bcf12fe7065d211dce971008");
    private readonly byte[] _publicKey = new byte[64];
    private readonly byte[] _signature = new byte[65];
    private readonly byte[] _result = new byte[64];
    private Secp256k1 _curve = Secp256k1.Managed;

    [Params(false, true)]
    public bool Native { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _curve = Secp256k1.Choose(Native ? "native" : "managed");
        _curve.CreatePublicKey(_key, _publicKey);
        _curve.SignRecoverable(_hash, _key, _signature);
    }

    [Benchmark]
    public void CreatePublicKey() => _curve.CreatePublicKey(_key, _result);

    [Benchmark]
    public bool Parse() => _curve.TryParsePublicKey(_publicKey, _result);

    [Benchmark]
    public bool Ecdh() => _curve.TryEcdh(_key, _publicKey, _result);

    [Benchmark]
    public void Sign() => _curve.SignRecoverable(_hash, _key, _signature);

    [Benchmark]
    public bool Recover() => _curve.TryRecover(_hash, _signature, _result);

    [Benchmark]
    public bool Verify() => _curve.Verify(_hash, _signature.AsSpan(0, 64), _publicKey);
}

/// <summary>One handshake message, with the implementation that this process uses.</summary>
[MemoryDiagnoser]
public class EciesBenchmarks
{
    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly byte[] _plaintext = new byte[400];
    private readonly byte[] _ciphertext = new byte[400 + Ecies.Overhead];

    [GlobalSetup]
    public void Setup() => Encrypt();

    [Benchmark]
    public void Encrypt() => Ecies.Encrypt(_key.PublicKey, _plaintext, [1, 2], RandomSource.System, _ciphertext);

    [Benchmark]
    public bool Decrypt() => Ecies.TryDecrypt(_key, _ciphertext, [1, 2], _plaintext, out _);
}
