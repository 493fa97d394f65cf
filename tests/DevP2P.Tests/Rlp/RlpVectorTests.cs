using System.Globalization;
using System.Numerics;
using System.Text.Json;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Rlp;

/// <summary>The public vectors of ethereum/tests (RLPTests), valid and invalid.</summary>
public class RlpVectorTests
{
    public static TheoryData<string, string> ValidNames() => Names("rlptest.json");

    public static TheoryData<string, string> InvalidNames() => Names("invalidRLPTest.json");

    [Theory]
    [MemberData(nameof(ValidNames))]
    public void Valid_vectors_encode_to_the_given_bytes_and_read_back(string file, string name)
    {
        JsonElement vector = Load(file).GetProperty(name);
        object content = ToItem(vector.GetProperty("in"));
        byte[] expected = FromHex(vector.GetProperty("out").GetString()!);

        Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(RlpEncoding.Encode(content)));
        Assert.True(RlpEncoding.IsWellFormed(expected));
        var reader = new RlpReader(expected);
        AssertReads(ref reader, content);
        Assert.True(reader.TryReadEnd());
    }

    [Theory]
    [MemberData(nameof(InvalidNames))]
    public void Invalid_vectors_are_rejected(string file, string name)
    {
        byte[] data = FromHex(Load(file).GetProperty(name).GetProperty("out").GetString()!);

        Assert.False(RlpEncoding.IsWellFormed(data, out RlpError error));
        Assert.NotEqual(RlpError.None, error);
    }

    [Fact]
    public void The_random_vector_is_valid()
    {
        foreach (JsonProperty vector in Load("example.json").EnumerateObject())
        {
            Assert.Equal("VALID", vector.Value.GetProperty("in").GetString());
            Assert.True(RlpEncoding.IsWellFormed(FromHex(vector.Value.GetProperty("out").GetString()!)));
        }
    }

    private static void AssertReads(ref RlpReader reader, object expected)
    {
        switch (expected)
        {
            case string text:
                Assert.Equal(text, reader.ReadString());
                break;
            case ulong number:
                Assert.Equal(number, reader.ReadUInt64());
                break;
            case BigInteger number:
                Assert.Equal(number, reader.ReadBigInteger(64));
                break;
            case List<object> items:
                RlpReader list = reader.ReadList();
                Assert.Equal(items.Count, list.CountItems());
                foreach (object item in items)
                {
                    AssertReads(ref list, item);
                }

                list.ReadEnd();
                break;
        }
    }

    private static object ToItem(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Number => json.GetUInt64(),
        JsonValueKind.Array => json.EnumerateArray().Select(ToItem).ToList(),
        _ when json.GetString()!.StartsWith('#') => BigInteger.Parse(json.GetString().AsSpan(1), CultureInfo.InvariantCulture),
        _ => json.GetString()!,
    };

    private static byte[] FromHex(string hex) => Convert.FromHexString(hex.StartsWith("0x", StringComparison.Ordinal) ? hex[2..] : hex);

    private static TheoryData<string, string> Names(string file)
    {
        var names = new TheoryData<string, string>();
        foreach (JsonProperty vector in Load(file).EnumerateObject())
        {
            names.Add(file, vector.Name);
        }

        return names;
    }

    private static JsonElement Load(string file)
    {
        using Stream stream = typeof(RlpVectorTests).Assembly.GetManifestResourceStream($"DevP2P.Tests.Rlp.Vectors.{file}")!;
        return JsonDocument.Parse(stream).RootElement;
    }
}
