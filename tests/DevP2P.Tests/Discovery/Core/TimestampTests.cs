using DevP2P.Discovery.Core;
using Xunit;

namespace DevP2P.Tests.Discovery.Core;

[Trait("Threat", "T17")]
public sealed class TimestampTests
{
    [Fact]
    public void Waiting_moves_both_clocks()
    {
        Timestamp later = TableNodes.Start + TimeSpan.FromSeconds(5);
        Assert.Equal(TableNodes.Start.Monotonic + TimeSpan.FromSeconds(5), later.Monotonic);
        Assert.Equal(TableNodes.Start.Utc + TimeSpan.FromSeconds(5), later.Utc);
        Assert.Equal(TimeSpan.FromSeconds(5), later - TableNodes.Start);
    }

    [Fact]
    public void A_jump_of_the_wall_clock_changes_neither_order_nor_duration()
    {
        Timestamp later = TableNodes.Start + TimeSpan.FromSeconds(5);
        later = later with { Utc = later.Utc.AddYears(-10) };
        Assert.True(later > TableNodes.Start && later >= TableNodes.Start && TableNodes.Start < later && TableNodes.Start <= later);
        Assert.Equal(1, later.CompareTo(TableNodes.Start));
        Assert.Equal(TimeSpan.FromSeconds(5), later - TableNodes.Start);
    }
}
