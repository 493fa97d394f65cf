using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace DevP2P.Tests.Nat;

/// <summary>A router, or a server, on loopback that says what a test wants it to say over UDP.</summary>
internal sealed class FakeRouter : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly Socket _elsewhere;
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<int, byte[], IEnumerable<byte[]>> _answer;
    private readonly Task _running;

    /// <param name="answer">Makes the answers to a request, given its number, from 0.</param>
    /// <param name="address">Where to listen.</param>
    public FakeRouter(Func<int, byte[], IEnumerable<byte[]>> answer, IPAddress? address = null)
    {
        _answer = answer;
        Address = address ?? IPAddress.Loopback;
        _socket = Bind();
        _elsewhere = Bind();
        _running = Task.Run(RunAsync);
    }

    public static FakeRouter Silent() => new((_, _) => []);

    public IPAddress Address { get; }

    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    public IPEndPoint EndPoint => new(Address, Port);

    /// <summary>All requests so far.</summary>
    public ConcurrentQueue<byte[]> Requests { get; } = [];

    /// <summary>Who sent the last request.</summary>
    public IPEndPoint? Client { get; private set; }

    /// <summary>Sends to the last client from another port.</summary>
    public void SendFromElsewhere(byte[] packet) => _elsewhere.SendTo(packet, Client!);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _socket.Dispose();
        _elsewhere.Dispose();
        _stop.Dispose();
    }

    /// <summary>A port where nobody listens.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private Socket Bind()
    {
        var socket = new Socket(Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { SendBufferSize = 1 << 17 };
        socket.Bind(new IPEndPoint(Address, 0));
        return socket;
    }

    private async Task RunAsync()
    {
        byte[] buffer = new byte[2000];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(Address, 0), _stop.Token);
                Client = (IPEndPoint)got.RemoteEndPoint;
                byte[] request = buffer[..got.ReceivedBytes];
                int number = Requests.Count;
                IEnumerable<byte[]> answers = _answer(number, request);
                Requests.Enqueue(request);
                foreach (byte[] packet in answers)
                {
                    await _socket.SendToAsync(packet, Client, _stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}
