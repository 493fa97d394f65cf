using Xunit;

namespace DevP2P.Tests.Cli;

/// <summary>What a command that runs prints: written by one thread, read by another.</summary>
internal sealed class SharedWriter : StringWriter
{
    private readonly Lock _gate = new();

    public override void WriteLine(string? value)
    {
        lock (_gate)
        {
            base.WriteLine(value);
        }
    }

    public override string ToString()
    {
        lock (_gate)
        {
            return base.ToString();
        }
    }

    /// <summary>Waits for so many lines, which the command must print before it ends.</summary>
    public async Task<string[]> LinesAsync(int count, Task command, CancellationToken deadline)
    {
        while (true)
        {
            string text = ToString();
            if (text.Count(c => c == '\n') >= count)
            {
                return InProcessCommand.Lines(text);
            }

            Assert.False(command.IsCompleted || deadline.IsCancellationRequested, text);
            await Task.Delay(20, CancellationToken.None);
        }
    }
}
