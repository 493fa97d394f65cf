using DevP2P;
using DevP2P.Crypto;

// A protocol: message 0 is a ping with a number, message 1 the pong with the same number.
var answered = new TaskCompletionSource();
var protocol = new Protocol { Name = "pingpong", Version = 1, Length = 2, RunAsync = RunAsync };

// Two nodes on loopback. Alice listens, Bob keeps a connection to her.
await using var alice = new Server(new ServerOptions
{
    PrivateKey = PrivateKey.Generate(),
    Name = "alice",
    ListenAddress = "127.0.0.1:0",
    NoDiscovery = true,
    Protocols = [protocol],
});
await alice.StartAsync();
Console.WriteLine($"alice is {alice.Self}");

await using var bob = new Server(new ServerOptions
{
    PrivateKey = PrivateKey.Generate(),
    Name = "bob",
    NoDiscovery = true,
    Protocols = [protocol],
});
await bob.StartAsync();
Console.WriteLine($"bob dials alice: {(await bob.AddPeerAsync(alice.Self)).Reason}");

await answered.Task.WaitAsync(TimeSpan.FromSeconds(10));

// Runs on both sides, once for each peer that speaks the protocol too.
async Task RunAsync(Peer peer, IMessageStream stream, CancellationToken cancellation)
{
    if (!peer.IsInbound)
    {
        await stream.SendItemsAsync(0, 42);
    }

    while (true)
    {
        Message message = await stream.ReadAsync(cancellation);
        ulong number = message.GetReader().ReadList().ReadUInt64();
        Console.WriteLine($"{(message.Code == 0 ? "ping" : "pong")} {number} from {peer.Name}");
        if (message.Code == 0)
        {
            await stream.SendItemsAsync(1, number);
        }
        else
        {
            answered.SetResult();
        }
    }
}
