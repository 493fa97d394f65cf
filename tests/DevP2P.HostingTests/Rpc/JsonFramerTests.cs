using System.Text;
using DevP2P.Hosting.Rpc;
using Xunit;

namespace DevP2P.HostingTests.Rpc;

public sealed class JsonFramerTests
{
    private static readonly string[] s_values =
    [
        "{}", "[]", """{"a":"}"}""", """["]\\","\"]",{"b":[1,{"c":"é\u0022"}]}]""", """{"x":[[[[]]]]}""",
    ];

    [Fact]
    public void Values_are_found_wherever_the_stream_is_cut()
    {
        foreach (string between in (string[])["", "\n", " \t\r\n"])
        {
            byte[] stream = Encoding.UTF8.GetBytes(string.Join(between, s_values) + between);
            for (int piece = 1; piece <= stream.Length; piece++)
            {
                Assert.Equal(s_values, Split(stream, piece));
            }
        }
    }

    [Theory]
    [InlineData("x")]
    [InlineData("\"text\"")]
    [InlineData("1{}")]
    [InlineData("}")]
    [InlineData(" \n]")]
    public void Anything_but_objects_and_arrays_breaks_the_stream(string stream)
    {
        var framer = new JsonFramer();

        Assert.False(framer.TryFind(Encoding.UTF8.GetBytes(stream), out _));
        Assert.True(framer.IsBroken);
    }

    private static List<string> Split(byte[] stream, int piece)
    {
        var framer = new JsonFramer();
        var found = new List<string>();
        var buffer = new List<byte>();
        for (int i = 0; i < stream.Length; i += piece)
        {
            buffer.AddRange(stream.AsSpan(i, Math.Min(piece, stream.Length - i)));
            while (framer.TryFind(buffer.ToArray(), out int end))
            {
                found.Add(Encoding.UTF8.GetString(buffer.ToArray(), 0, end).Trim());
                buffer.RemoveRange(0, end);
            }

            Assert.False(framer.IsBroken);
        }

        return found;
    }
}
