using DevP2P.Testing.Discovery;
using DevP2P.Tests.Crypto;
using Xunit;

namespace DevP2P.Tests.Simulation;

/// <summary>The order of events, on which everything else in the simulator rests.</summary>
public sealed class EventQueueTests
{
    [Fact]
    public void Events_come_in_the_order_of_time_and_then_of_asking()
    {
        // Near, far and equal times, with new events while others are taken, some for the present moment.
        var queue = new EventQueue();
        var model = new PriorityQueue<int, (long, int)>();
        var random = new SeededRandomSource(3);
        int number = 0;
        long now = 0;
        void Add(long ticks)
        {
            queue.Add(new EventTime(ticks, number), new Event(null!, number, null));
            model.Enqueue(number, (ticks, number));
            number++;
        }

        int[] reach = [1, 20, 5_000, 30_000_000, 400_000_000];
        for (int i = 0; i < 2000; i++)
        {
            Add(random.Next(reach[random.Next(reach.Length)]));
        }

        while (model.TryDequeue(out int expected, out (long Ticks, int) time))
        {
            Assert.True(queue.TryTake(long.MaxValue, out Event @event, out long ticks));
            Assert.Equal((expected, time.Ticks), (@event.Target, ticks));
            now = ticks;
            if (number < 6000)
            {
                Add(now + random.Next(reach[random.Next(reach.Length)]) - 1 + (now == 0 ? 1 : 0));
                Add(now);
            }
        }

        Assert.False(queue.TryTake(long.MaxValue, out _, out _));
    }

    [Fact]
    public void Nothing_is_taken_before_its_time()
    {
        var queue = new EventQueue();
        queue.Add(new EventTime(TimeSpan.TicksPerMinute, 1), new Event(null!, 1, null));

        Assert.False(queue.TryTake(TimeSpan.TicksPerMinute, out _, out _));
        queue.Add(new EventTime(7, 2), new Event(null!, 2, null));
        Assert.False(queue.TryTake(7, out _, out _));
        Assert.True(queue.TryTake(8, out Event first, out long at));
        Assert.Equal((2, 7), (first.Target, at));
        Assert.True(queue.TryTake(TimeSpan.TicksPerMinute + 1, out Event second, out at));
        Assert.Equal((1, TimeSpan.TicksPerMinute), (second.Target, at));
    }
}
