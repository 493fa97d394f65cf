using DevP2P.Dialing;
using Xunit;
using static DevP2P.Tests.Dialing.DialDriver;

namespace DevP2P.Tests.Dialing;

public sealed class DialHistoryTests
{
    [Fact]
    public void It_keeps_the_latest_attempts_of_a_node_in_order()
    {
        var history = new DialHistory();
        Assert.Empty(history.Get(Id(1)));
        for (int i = 0; i < 20; i++)
        {
            history.Record(Attempt(1, isStatic: true) with { Reason = $"{i}" });
        }

        Assert.Equal(["12", "13", "14", "15", "16", "17", "18", "19"], history.Get(Id(1)).Select(a => a.Reason));
        Assert.Equal(1, history.NodeCount);
    }

    [Fact]
    public void It_forgets_the_node_that_was_dialed_longest_ago()
    {
        var history = new DialHistory();
        for (int i = 0; i < DialHistory.MaxNodes; i++)
        {
            history.Record(Attempt(i, isStatic: false));
        }

        history.Record(Attempt(0, isStatic: false));
        history.Record(Attempt(DialHistory.MaxNodes, isStatic: false));
        Assert.Equal(DialHistory.MaxNodes, history.NodeCount);
        Assert.Equal(2, history.Get(Id(0)).Count);
        Assert.Empty(history.Get(Id(1)));
        Assert.Single(history.Get(Id(2)));
        Assert.Single(history.Get(Id(DialHistory.MaxNodes)));
    }

    [Fact]
    public void Candidates_do_not_wash_out_the_nodes_of_the_operator()
    {
        var history = new DialHistory();
        history.Record(Attempt(1, isStatic: true));
        for (int i = 100; i < 200 + DialHistory.MaxNodes; i++)
        {
            history.Record(Attempt(i, isStatic: false));
        }

        Assert.Single(history.Get(Id(1)));
        Assert.Equal(DialHistory.MaxNodes, history.NodeCount);

        // But they are bounded as well.
        for (int i = 100; i < 200 + DialHistory.MaxNodes; i++)
        {
            history.Record(Attempt(i, isStatic: true));
        }

        Assert.Empty(history.Get(Id(1)));
        Assert.Equal(DialHistory.MaxNodes, history.NodeCount);
    }

    [Fact]
    public void The_latest_of_all_nodes_are_kept_in_order()
    {
        var history = new DialHistory();
        Assert.Empty(history.GetLatest(10));
        for (int i = 0; i < DialHistory.MaxAttempts + 5; i++)
        {
            history.Record(Attempt(i % 3, isStatic: false) with { Reason = $"{i}" });
        }

        IReadOnlyList<DialAttempt> latest = history.GetLatest(int.MaxValue);
        Assert.Equal(Enumerable.Range(5, DialHistory.MaxAttempts).Reverse().Select(i => $"{i}"), latest.Select(a => a.Reason));
        Assert.Equal(latest.Take(2), history.GetLatest(2));
    }

    private static DialAttempt Attempt(int number, bool isStatic) =>
        DialDriver.Attempt(new DialRequest(NodeOf(number), isStatic ? null : 1, default), succeeded: false);
}
