using DevP2P.Buffers;
using Xunit;

namespace DevP2P.Tests;

public sealed class MessagePipeTests
{
    [Fact]
    public async Task A_rendezvous_write_waits_until_the_message_is_read()
    {
        (MessagePipe a, MessagePipe b) = MessagePipe.CreatePair();
        Task write = a.WriteAsync(8, new byte[] { 1, 2, 3 }).AsTask();
        Assert.False(write.IsCompleted);

        Message message = await b.ReadAsync();

        await write.WithinDeadline();
        Assert.Equal(8ul, message.Code);
        Assert.Equal<byte[]>([1, 2, 3], message.Payload.ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_write_waits_while_capacity_messages_are_unread(int capacity)
    {
        (MessagePipe a, MessagePipe b) = MessagePipe.CreatePair(capacity);
        for (int i = 0; i < capacity; i++)
        {
            Assert.True(a.WriteAsync((ulong)i, default).IsCompletedSuccessfully);
        }

        Task waiting = a.WriteAsync(99, default).AsTask();
        Assert.False(waiting.IsCompleted);
        Assert.Equal(0ul, (await b.ReadAsync()).Code);
        await waiting.WithinDeadline();
    }

    [Fact]
    public async Task A_cancelled_write_is_not_sent_and_does_not_block_the_next()
    {
        (MessagePipe a, MessagePipe b) = MessagePipe.CreatePair(1);
        await a.WriteAsync(1, default);
        using var cancel = new CancellationTokenSource();
        Task waiting = a.WriteAsync(2, default, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WithinDeadline());

        Task third = a.WriteAsync(3, default).AsTask();
        Assert.Equal(1ul, (await b.ReadAsync()).Code);
        await third.WithinDeadline();
        Assert.Equal(3ul, (await b.ReadAsync()).Code);
    }

    [Fact]
    public async Task Closing_either_end_unblocks_reads_and_writes_of_both()
    {
        foreach (bool closeFirst in new[] { true, false })
        {
            (MessagePipe a, MessagePipe b) = MessagePipe.CreatePair();
            Task read = a.ReadAsync().AsTask();
            Task write = a.WriteAsync(1, default).AsTask();
            Task otherRead = b.WriteAsync(1, default).AsTask().ContinueWith(_ => { }, TaskScheduler.Default);
            await otherRead.WithinDeadline(); // a's read took it
            await read.WithinDeadline();
            read = a.ReadAsync().AsTask();

            (closeFirst ? a : b).Close();
            (closeFirst ? a : b).Close();

            await Assert.ThrowsAsync<MessagePipeClosedException>(() => read.WithinDeadline());
            await Assert.ThrowsAsync<MessagePipeClosedException>(() => write.WithinDeadline());
            await Assert.ThrowsAsync<MessagePipeClosedException>(() => b.ReadAsync().AsTask());
            await Assert.ThrowsAsync<MessagePipeClosedException>(() => b.WriteAsync(1, default).AsTask());
        }
    }

    [Fact]
    public async Task Closing_interrupts_access_to_a_payload_that_was_not_taken()
    {
        (MessagePipe a, MessagePipe b) = MessagePipe.CreatePair(2);
        await a.WriteAsync(1, new byte[] { 1 });
        await a.WriteAsync(2, new byte[] { 2 });
        using var taken = (await b.ReadAsync()).TakeOwnership();
        Message second = await b.ReadAsync();

        a.Close();

        Assert.Throws<MessagePipeClosedException>(() => second.Payload);
        Assert.Equal(1, taken.Memory.Span[0]);
    }

    [Fact]
    public async Task A_payload_is_gone_with_the_next_read_and_its_block_is_overwritten()
    {
        Assert.True(BufferPool.PoisonsReturnedBuffers, "the test suite runs with DevP2P.PoisonBuffers");
        (MessagePipe a, MessagePipe b) = MessagePipe.CreatePair(2);
        await a.WriteAsync(1, new byte[] { 1, 1, 1, 1 });
        await a.WriteAsync(2, new byte[] { 2, 2, 2, 2 });
        Message first = await b.ReadAsync();
        ReadOnlyMemory<byte> late = first.Payload;

        Message second = await b.ReadAsync();

        Assert.Throws<InvalidOperationException>(() => first.Payload);
        Assert.NotEqual<byte[]>([1, 1, 1, 1], late.ToArray());
        Assert.Equal<byte[]>([2, 2, 2, 2], second.Payload.ToArray());
        second.Discard();
        second.Discard();
        Assert.Throws<InvalidOperationException>(() => second.Payload);
        Assert.Throws<InvalidOperationException>(() => second.TakeOwnership());
    }

    [Fact]
    public async Task Concurrent_readers_share_the_messages_and_a_cancelled_one_loses_none()
    {
        (MessagePipe a, MessagePipe b) = MessagePipe.CreatePair(100);
        using var cancel = new CancellationTokenSource();
        Task<Message>[] readers = [.. Enumerable.Range(0, 5).Select(i => b.ReadAsync(i == 2 ? cancel.Token : default).AsTask())];
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => readers[2].WithinDeadline());

        for (ulong i = 0; i < 4; i++)
        {
            await a.WriteAsync(i, default);
        }

        Message[] messages = await Task.WhenAll(readers.Where((_, i) => i != 2)).WithinDeadline();
        Assert.Equal(new ulong[] { 0, 1, 2, 3 }, messages.Select(m => m.Code).Order());
    }

    [Fact]
    public async Task Expect_checks_code_size_and_content()
    {
        (MessagePipe a, MessagePipe b) = MessagePipe.CreatePair(10);
        await a.SendItemsAsync(1, 1, "two", new byte[] { 3 });
        await b.ExpectAsync(1, new object[] { 1, "two", new byte[] { 3 } });
        await a.SendItemsAsync(2);
        await b.ExpectAsync(2);
        await a.SendItemsAsync(3, 7);
        await Assert.ThrowsAsync<ProtocolViolationException>(() => b.ExpectAsync(4, null));
        await a.SendItemsAsync(3, 7);
        ProtocolViolationException mismatch = await Assert.ThrowsAsync<ProtocolViolationException>(() => b.ExpectAsync(3, new object[] { 8 }));
        Assert.Contains("c107", mismatch.Message, StringComparison.Ordinal);
    }
}
