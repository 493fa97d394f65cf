using DevP2P.Reputation;
using Xunit;
using static DevP2P.Tests.Dialing.DialDriver;

namespace DevP2P.Tests.Reputation;

public sealed class BanListTests
{
    private static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_ban_holds_until_its_end()
    {
        var bans = new BanList(3);
        bans.Add(Make(1, hours: 1));
        bans.Add(Make(2, hours: null));

        Assert.Equal(Make(1, 1), bans.Find(Start, Id(1)));
        Assert.NotNull(bans.Find(Start + TimeSpan.FromHours(1) - TimeSpan.FromTicks(1), Id(1)));
        Assert.Null(bans.Find(Start + TimeSpan.FromHours(1), Id(1)));
        Assert.NotNull(bans.Find(DateTimeOffset.MaxValue, Id(2)));
        Assert.Null(bans.Find(Start, Id(3)));
        Assert.Equal([Make(2, null)], bans.GetAll(Start + TimeSpan.FromHours(1)));

        Assert.Equal(Id(1), Assert.Single(bans.Expire(Start + TimeSpan.FromHours(1))).Id);
        Assert.Empty(bans.Expire(DateTimeOffset.MaxValue));
        Assert.Equal(1, bans.Count);
    }

    [Fact]
    public void When_it_is_full_the_ban_that_ends_first_gives_way()
    {
        var bans = new BanList(3);
        Assert.Null(bans.Add(Make(1, 5)));
        Assert.Null(bans.Add(Make(2, 3)));
        Assert.Null(bans.Add(Make(3, null)));
        Assert.Null(bans.Add(Make(2, 4)));
        Assert.Equal(Id(2), bans.Add(Make(4, 1))!.Id);
        Assert.Equal(Id(4), bans.Add(Make(5, null))!.Id);
        Assert.Equal(Id(1), bans.Add(Make(6, null))!.Id);
        Assert.Equal(3, bans.Count);
    }

    [Fact]
    public void A_flood_of_automatic_bans_lifts_none_of_the_operators()
    {
        var bans = new BanList(10);
        bans.Add(Make(1, 1));
        for (int i = 0; i < 1000; i++)
        {
            bans.Add(Make(100 + i, 24) with { IsAutomatic = true });
        }

        Assert.NotNull(bans.Find(Start, Id(1)));
        Assert.Equal(10, bans.Count);
    }

    [Fact]
    public void A_new_ban_takes_the_place_of_the_old_one()
    {
        var bans = new BanList(10);
        bans.Add(Make(1, null));
        bans.Add(Make(1, 1));
        Assert.Equal(1, bans.Count);
        Assert.Null(bans.Find(Start + TimeSpan.FromHours(2), Id(1)));
        Assert.NotNull(bans.Remove(Id(1)));
        Assert.Null(bans.Remove(Id(1)));
        Assert.Null(bans.Find(Start, Id(1)));
    }

    [Fact]
    public void It_says_so_in_words()
    {
        Assert.Equal("banned until 2030-01-01 01:00:00Z", Make(1, 1).ToText());
        Assert.Equal("banned for good: spam", (Make(1, null) with { Reason = "spam" }).ToText());
    }

    private static Ban Make(int number, int? hours) =>
        new() { Id = Id(number), Since = Start, Until = hours is { } h ? Start + TimeSpan.FromHours(h) : null };
}
