using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace DevP2P.Tests.NetUtil;

/// <summary>A time server on loopback that says what a test wants it to say.</summary>
internal sealed class TestTimeServer : IAsyncDisposable
{
    private static readonly DateTimeOffset Era0 = new(1900, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<int, byte[], IEnumerable<byte[]>> _answer;
    private readonly Task _running;
    private int _requests;

    /// <param name="answer">Makes the answers to a request, given its number, from 0.</param>
    public TestTimeServer(Func<int, byte[], IEnumerable<byte[]>> answer)
    {
        _answer = answer;
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _running = Task.Run(RunAsync);
    }

    /// <param name="now">The server's clock.</param>
    public TestTimeServer(Func<DateTimeOffset> now)
        : this((_, request) => [Answer(request, now())])
    {
    }

    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    public int Requests => Volatile.Read(ref _requests);

    /// <summary>A proper answer, whose fields a test may then spoil.</summary>
    public static byte[] Answer(ReadOnlySpan<byte> request, DateTimeOffset received, DateTimeOffset? transmitted = null)
    {
        byte[] packet = new byte[48];
        packet[0] = (4 << 3) | 4;
        packet[1] = 2;
        request[40..48].CopyTo(packet.AsSpan(24));
        WriteTime(packet.AsSpan(32), received);
        WriteTime(packet.AsSpan(40), transmitted ?? received);
        return packet;
    }

    public static void WriteTime(Span<byte> to, DateTimeOffset time)
    {
        Int128 ticks = (time - Era0).Ticks;
        // Rounded up, so that reading it, which cuts off, gives the same tick.
        Int128 fixedPoint = ((ticks << 32) + TimeSpan.TicksPerSecond - 1) / TimeSpan.TicksPerSecond;
        BinaryPrimitives.WriteUInt64BigEndian(to, (ulong)(fixedPoint & ulong.MaxValue));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        byte[] buffer = new byte[100];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                foreach (byte[] packet in _answer(Interlocked.Increment(ref _requests) - 1, buffer[..got.ReceivedBytes]))
                {
                    await _socket.SendToAsync(packet, got.RemoteEndPoint, _stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}
