using CsCheck;
using DevP2P.Crypto;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Rlpx;

/// <summary>Pieces of frames of different connections, hashed side by side.</summary>
public sealed class MacQueueTests
{
    private readonly Queue<IThreadPoolWorkItem> _scheduled = new();
    private readonly MacQueue _queue;

    public MacQueueTests() => _queue = new MacQueue(_scheduled.Enqueue);

    // Of any lengths, at any place in their blocks: as if each had been absorbed alone.
    [Fact]
    public void Each_mac_is_what_it_would_be_alone() =>
        Gen.Select(Gen.Int[0, 300].Array[1, 4], Gen.Int[0, 20_000].Array[4], Gen.Int).Sample(
            (pasts, lengths, seed) =>
            {
                var random = new Random(seed);
                var queue = new MacQueue(_scheduled.Enqueue);
                (FrameMac Shared, FrameMac Alone)[] macs = [.. pasts.Select((past, i) => CreatePair(random, past, i))];
                ValueTask[] waits = new ValueTask[macs.Length];
                for (int i = 0; i < macs.Length; i++)
                {
                    byte[] data = Bytes(random, lengths[i]);
                    waits[i] = queue.AbsorbAsync(new MacPiece().Set(macs[i].Shared, data));
                    macs[i].Alone.Absorb(data);
                }

                RunScheduled();
                for (int i = 0; i < macs.Length; i++)
                {
                    waits[i].AsTask().Wait(TestContext.Current.CancellationToken);
                    Assert.Equal(Mac(macs[i].Alone), Mac(macs[i].Shared));
                }
            },
            threads: 1);

    [Fact]
    public async Task The_fourth_hashes_for_all_and_waits_for_nobody()
    {
        (FrameMac Shared, FrameMac Alone)[] macs = CreatePairs(5);
        ValueTask[] waits = [.. macs[..3].Select(pair => AbsorbAsync(pair, 5_000))];
        Assert.All(waits, static wait => Assert.False(wait.IsCompleted));
        Assert.Single(_scheduled);

        Assert.True(AbsorbAsync(macs[3], 5_000).IsCompletedSuccessfully);
        await Task.WhenAll(waits.Select(static wait => wait.AsTask()));

        // The next begins anew; the work item of the former three, which has not run, does for it.
        ValueTask fifth = AbsorbAsync(macs[4], 5_000);
        Assert.False(fifth.IsCompleted);
        Assert.Single(_scheduled);
        RunScheduled();
        await fifth;
        Assert.All(macs, static pair => Assert.Equal(Mac(pair.Alone), Mac(pair.Shared)));
    }

    [Fact]
    public async Task A_work_item_with_nothing_left_to_do_does_nothing()
    {
        ValueTask[] waits = [.. CreatePairs(4).Select(pair => AbsorbAsync(pair, 5_000))];
        await Task.WhenAll(waits.Select(static wait => wait.AsTask()));
        RunScheduled();

        ValueTask next = AbsorbAsync(CreatePairs(1)[0], 5_000);
        Assert.False(next.IsCompleted);
        RunScheduled();
        await next;
    }

    [Fact]
    public async Task Who_is_alone_waits_ever_less_often_until_others_come()
    {
        if (!KeccakPermutation4.IsSupported)
        {
            Assert.False(_queue.IsWorthIt());
            return;
        }

        int[] refused = new int[13];
        for (int i = 0; i < refused.Length; i++)
        {
            while (!_queue.IsWorthIt())
            {
                refused[i]++;
            }

            await AloneAsync();
        }

        Assert.Equal([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024], refused);

        // Somebody waits: whoever comes joins.
        ValueTask first = AbsorbAsync(CreatePairs(1)[0], 5_000);
        Assert.True(_queue.IsWorthIt());
        ValueTask second = AbsorbAsync(CreatePairs(1)[0], 5_000);
        RunScheduled();
        await first;
        await second;
        Assert.True(_queue.IsWorthIt());
        await AloneAsync();
        Assert.False(_queue.IsWorthIt());
        Assert.True(_queue.IsWorthIt());

        async Task AloneAsync()
        {
            ValueTask wait = AbsorbAsync(CreatePairs(1)[0], 5_000);
            RunScheduled();
            await wait;
        }
    }

    private static ValueTask AbsorbAsync(MacQueue queue, (FrameMac Shared, FrameMac Alone) pair, int length)
    {
        byte[] data = Bytes(new Random(length), length);
        pair.Alone.Absorb(data);
        return queue.AbsorbAsync(new MacPiece().Set(pair.Shared, data));
    }

    private ValueTask AbsorbAsync((FrameMac Shared, FrameMac Alone) pair, int length) => AbsorbAsync(_queue, pair, length);

    private void RunScheduled()
    {
        while (_scheduled.TryDequeue(out IThreadPoolWorkItem? item))
        {
            item.Execute();
        }
    }

    private static (FrameMac Shared, FrameMac Alone)[] CreatePairs(int count) => [.. Enumerable.Range(0, count).Select(static i => CreatePair(new Random(i), 50 * i, i))];

    private static (FrameMac Shared, FrameMac Alone) CreatePair(Random random, int past, int index)
    {
        byte[] secret = Bytes(random, 32);
        Keccak256 state = default;
        state.Append(Bytes(random, past + index));
        return (new FrameMac(secret, state), new FrameMac(secret, state));
    }

    private static byte[] Mac(FrameMac mac)
    {
        byte[] result = new byte[FrameMac.Size];
        mac.ComputeFrame(result);
        return result;
    }

    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
