using DevP2P.Buffers;
using Xunit;

namespace DevP2P.Tests;

public sealed class MessageQueueTests
{
    private readonly MessageQueue _queue = new();

    [Fact]
    public async Task What_is_enqueued_quietly_waits_for_the_wake_up()
    {
        Task<Message> reading = ReadAsync();
        Assert.True(_queue.TryEnqueueQuietly(Create(1)));
        Assert.True(_queue.TryEnqueueQuietly(Create(2)));
        Assert.False(reading.IsCompleted);
        Assert.Equal(2, _queue.Count);

        _queue.Wake();
        Assert.Equal(1ul, (await reading.WithinDeadline()).Code);
        Assert.Equal(2ul, (await ReadAsync().WithinDeadline()).Code);
        Assert.Equal(0, _queue.Count);
    }

    [Fact]
    public async Task Every_reader_that_waits_is_woken_if_there_is_something_for_it()
    {
        Task<Message>[] readers = [ReadAsync(), ReadAsync(), ReadAsync()];
        Assert.True(_queue.TryEnqueueQuietly(Create(1)));
        Assert.True(_queue.TryEnqueueQuietly(Create(2)));
        _queue.Wake();
        Assert.Equal([1ul, 2ul], (await Task.WhenAll(readers[..2]).WithinDeadline()).Select(static m => m.Code).Order());
        Assert.False(readers[2].IsCompleted);
        Assert.True(_queue.TryEnqueue(Create(3)));
        Assert.Equal(3ul, (await readers[2].WithinDeadline()).Code);
    }

    [Fact]
    public async Task The_end_comes_after_what_was_enqueued_quietly()
    {
        Task<Message> reading = ReadAsync();
        Assert.True(_queue.TryEnqueueQuietly(Create(1)));
        _queue.Complete(new InvalidOperationException("the end"));
        Assert.Equal(1ul, (await reading.WithinDeadline()).Code);
        await Assert.ThrowsAsync<InvalidOperationException>(() => ReadAsync().WithinDeadline());
        Assert.False(_queue.TryEnqueueQuietly(Create(2)));
    }

    [Fact]
    public async Task A_reader_that_gives_up_takes_nothing_with_it()
    {
        using var cancel = new CancellationTokenSource();
        Task<Message> reading = _queue.DequeueAsync(cancel.Token).AsTask();
        Assert.True(_queue.TryEnqueueQuietly(Create(1)));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WithinDeadline());
        _queue.Wake();
        Assert.Equal(1ul, (await ReadAsync().WithinDeadline()).Code);
    }

    [Fact]
    public async Task A_message_whose_reader_gives_up_in_that_very_moment_keeps_its_place_and_its_payload()
    {
        for (int round = 0; round < 5000; round++)
        {
            var queue = new MessageQueue();
            using var cancel = new CancellationTokenSource();
            Task<Message> first = queue.DequeueAsync(CancellationToken.None).AsTask();
            Task<Message> second = queue.DequeueAsync(cancel.Token).AsTask();
            for (ulong code = 1; code <= 3; code++)
            {
                Assert.True(queue.TryEnqueueQuietly(Create(code)));
            }

            using var start = new Barrier(2);
            Task cancelling = Task.Run(() =>
            {
                start.SignalAndWait();
                cancel.Cancel();
            });
            start.SignalAndWait();
            queue.Wake();
            await cancelling.WithinDeadline();

            Assert.Equal(1ul, (await first.WithinDeadline()).Code);
            ulong next = 2;
            if (await second.ContinueWith(static t => t.IsCompletedSuccessfully, TaskScheduler.Default).WithinDeadline())
            {
                Assert.Equal(next++, (await second).Code);
            }

            for (; next <= 3; next++)
            {
                Message message = await queue.DequeueAsync(CancellationToken.None).AsTask().WithinDeadline();
                Assert.Equal(next, message.Code);
                Assert.True(message.Payload.IsEmpty);
            }
        }
    }

    private static Message Create(ulong code) => new(code, 0, ReceivedPayload.Create(null, null, 0), 0);

    private Task<Message> ReadAsync() => _queue.DequeueAsync(TestContext.Current.CancellationToken).AsTask();
}
