namespace DevP2P.InteropTests;

/// <summary>The test protocol <c>bounce</c>, version 1: every message of code 0 comes back as code 1.</summary>
internal static class BounceProtocol
{
    public static Protocol Create() => new()
    {
        Name = "bounce",
        Version = 1,
        Length = 2,
        RunAsync = async (_, stream, cancellationToken) =>
        {
            while (true)
            {
                Message message = await stream.ReadAsync(cancellationToken);
                await stream.WriteAsync(1, message.Payload, cancellationToken);
            }
        },
    };
}
