using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Rlpx;

public sealed class FlushPacingTests
{
    [Fact]
    public void Flushes_rest_while_it_pays()
    {
        FlushPacing pacing = default;
        Assert.Equal(8, FlushesUntilRest(ref pacing));
        for (int i = 0; i < 5; i++)
        {
            pacing.Rested(messages: 8);
            Assert.Equal(1, FlushesUntilRest(ref pacing));
        }
    }

    [Fact]
    public void While_it_does_not_they_rest_ever_less_often()
    {
        FlushPacing pacing = default;
        Assert.Equal(8, FlushesUntilRest(ref pacing));
        foreach (int expected in (int[])[16, 32, 64, 128, 256, 512, 1024, 1024])
        {
            pacing.Rested(messages: 7);
            Assert.Equal(expected, FlushesUntilRest(ref pacing));
        }

        pacing.Rested(messages: 100);
        Assert.Equal(1, FlushesUntilRest(ref pacing));
        pacing.Rested(messages: 0);
        Assert.Equal(16, FlushesUntilRest(ref pacing));
    }

    private static int FlushesUntilRest(ref FlushPacing pacing)
    {
        int flushes = 1;
        while (!pacing.IsRestDue())
        {
            flushes++;
        }

        return flushes;
    }
}
