using BenchmarkDotNet.Attributes;
using DevP2P.Rlp;

namespace DevP2P.Benchmarks;

/// <summary>One list of a hundred small rows: written, read, validated.</summary>
[MemoryDiagnoser]
[ShortRunJob]
public class RlpBenchmarks
{
    private const int Rows = 100;

    private static readonly byte[] Hash = new byte[32];
    private byte[] _encoded = [];

    [GlobalSetup]
    public void Setup() => _encoded = RlpEncoding.Encode(Enumerable.Range(0, Rows).Select(i => new object[] { i, Hash, "name" }));

    [Benchmark]
    public int Write()
    {
        using var writer = new RlpWriter(8192);
        RlpListToken list = writer.StartList();
        for (ulong i = 0; i < Rows; i++)
        {
            RlpListToken row = writer.StartList();
            writer.Write(i);
            writer.Write(Hash);
            writer.Write("name");
            writer.EndList(row);
        }

        writer.EndList(list);
        return writer.Length;
    }

    [Benchmark]
    public ulong Read()
    {
        ulong sum = 0;
        RlpReader list = new RlpReader(_encoded).ReadList();
        while (!list.IsAtEnd)
        {
            RlpReader row = list.ReadList();
            sum += row.ReadUInt64() + (ulong)row.ReadBytes().Length + (ulong)row.ReadBytes().Length;
            row.ReadEnd();
        }

        return sum;
    }

    [Benchmark]
    public bool Validate() => RlpEncoding.IsWellFormed(_encoded);

    [Benchmark]
    public int MessageCode()
    {
        Span<byte> bytes = stackalloc byte[RlpEncoding.MaxUInt64Length];
        int length = RlpEncoding.WriteUInt64(bytes, 0x10);
        RlpEncoding.TryReadUInt64Prefix(bytes[..length], out _, out int consumed);
        return consumed;
    }
}
