using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;

namespace DevP2P.Benchmarks.Floor;

/// <summary>
/// What a handshake and a round trip cost a program that has nothing but .NET's sockets and the primitives: the limit of any implementation on them.
/// Two processes over 127.0.0.1.
/// </summary>
internal static class SocketFloor
{
    private const int Auth = 500;
    private const int Ack = 420;
    private const int Hello = 160;
    private const int Frames = 96;
    private const int Handshakes = 200;

    private static readonly byte[] KnownKey = CreateKey();
    private static readonly byte[] KnownSignature = Sign();

    /// <summary>Measures, or is the other process.</summary>
    public static async Task<int> RunAsync(string[] options)
    {
        switch (options)
        {
            case ["serve"]:
                await ServeAsync();
                return 0;
            case []:
                await MeasureAsync();
                return 0;
            default:
                await Console.Error.WriteLineAsync("floor takes no options");
                return 1;
        }
    }

    private static async Task MeasureAsync()
    {
        // The entry point may be run by 'dotnet'.
        string program = Environment.ProcessPath!;
        string[] arguments = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0], "floor", "serve"] : ["floor", "serve"];
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using Process other = Process.Start(start) ?? throw new InvalidOperationException("the other process does not start");
        var port = new IPEndPoint(IPAddress.Loopback, int.Parse((await other.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture));
        var keep = new List<Socket>();
        try
        {
            MeasureEcdh();
            await MeasureHandshakesAsync(8);
            for (int run = 0; run < 5; run++)
            {
                double ecdh = MeasureEcdh();
                double one = await MeasureHandshakesAsync(1);
                double eight = await MeasureHandshakesAsync(8);
                double echo = await MeasureEchoAsync(port);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"handshakes, CPU of both ends: one at a time {one:0} us ({one / ecdh:0.0} ECDH), eight {eight:0} us ({eight / ecdh:0.0} ECDH); a round trip of {Frames} bytes takes {echo:0.0} us"));
            }
        }
        finally
        {
            // It ends with its input.
            other.StandardInput.Close();
            keep.ForEach(static socket => socket.Dispose());
            await other.WaitForExitAsync();
        }

        async Task<double> MeasureHandshakesAsync(int atOnce)
        {
            await DialManyAsync(atOnce);
            double before = Own() + await OtherAsync();
            await DialManyAsync(atOnce);
            return (Own() + await OtherAsync() - before) / Handshakes;
        }

        Task DialManyAsync(int atOnce) => Parallel.ForEachAsync(
            Enumerable.Range(0, Handshakes),
            new ParallelOptions { MaxDegreeOfParallelism = atOnce },
            async (_, _) =>
            {
                Socket socket = await DialAsync(port);
                lock (keep)
                {
                    keep.Add(socket);
                }
            });

        async Task<double> OtherAsync()
        {
            await other.StandardInput.WriteLineAsync("cpu");
            return double.Parse((await other.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        }
    }

    private static double MeasureEcdh()
    {
        const int Count = 500;
        double before = Own();
        for (int i = 0; i < Count; i++)
        {
            Compute(agreements: 1, keys: 0, signatures: 0, recovered: 0);
        }

        return (Own() - before) / Count;
    }

    private static async Task<double> MeasureEchoAsync(IPEndPoint port)
    {
        using Socket socket = await ConnectAsync(port);
        byte[] buffer = new byte[Auth];
        await socket.SendAsync(new byte[] { 1 });
        double microseconds = 0;
        for (int i = 0; i < 2; i++)
        {
            // The first half warms up.
            int count = 0;
            long start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1))
            {
                await socket.SendAsync(buffer.AsMemory(0, Frames));
                await ReceiveAsync(socket, buffer, Frames);
                count++;
            }

            microseconds = Stopwatch.GetElapsedTime(start).TotalMicroseconds / count;
        }

        return microseconds;
    }

    /// <summary>What the dialing side does (rlpx.md, "Initial Handshake"): auth, then the ack, then the Hello messages.</summary>
    private static async Task<Socket> DialAsync(IPEndPoint port)
    {
        Socket socket = await ConnectAsync(port);
        byte[] buffer = new byte[Auth];
        Compute(agreements: 2, keys: 2, signatures: 1, recovered: 0);
        await socket.SendAsync(buffer.AsMemory(0, Auth));
        await ReceiveAsync(socket, buffer, Ack);
        Compute(agreements: 2, keys: 0, signatures: 0, recovered: 0);
        await socket.SendAsync(buffer.AsMemory(0, Hello));
        await ReceiveAsync(socket, buffer, Hello);
        return socket;
    }

    private static async Task ServeAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(128);
        Console.WriteLine(((IPEndPoint)listener.LocalEndPoint!).Port);
        _ = AcceptAsync(listener);
        while (await Console.In.ReadLineAsync() is not null)
        {
            Console.WriteLine(Own().ToString(CultureInfo.InvariantCulture));
        }
    }

    private static async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket socket = await listener.AcceptAsync();
            socket.NoDelay = true;
            _ = AnswerAsync(socket);
        }
    }

    /// <summary>The first byte says what comes: round trips, or a handshake, whose connection stays open.</summary>
    private static async Task AnswerAsync(Socket socket)
    {
        byte[] buffer = new byte[Auth];
        await ReceiveAsync(socket, buffer, 1);
        if (buffer[0] == 1)
        {
            while (await ReceiveAsync(socket, buffer, Frames))
            {
                await socket.SendAsync(buffer.AsMemory(0, Frames));
            }

            socket.Dispose();
            return;
        }

        await ReceiveAsync(socket, buffer, Auth - 1);
        Compute(agreements: 4, keys: 2, signatures: 0, recovered: 1);
        await socket.SendAsync(buffer.AsMemory(0, Ack));
        await socket.SendAsync(buffer.AsMemory(0, Hello));
        await ReceiveAsync(socket, buffer, Hello);
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(port);
        return socket;
    }

    private static async Task<bool> ReceiveAsync(Socket socket, byte[] buffer, int size)
    {
        for (int received = 0; received < size;)
        {
            int count = await socket.ReceiveAsync(buffer.AsMemory(received, size - received));
            if (count == 0)
            {
                return false;
            }

            received += count;
        }

        return true;
    }

    private static void Compute(int agreements, int keys, int signatures, int recovered)
    {
        Span<byte> key = stackalloc byte[Secp256k1.PrivateKeySize], hash = stackalloc byte[32], publicKey = stackalloc byte[Secp256k1.PublicKeySize];
        Span<byte> signature = stackalloc byte[Secp256k1.RecoverableSignatureSize];
        key.Fill(1);
        for (int i = 0; i < agreements; i++)
        {
            Secp256k1.Instance.TryEcdh(key, KnownKey, hash);
        }

        for (int i = 0; i < keys; i++)
        {
            Secp256k1.Instance.CreatePublicKey(key, publicKey);
        }

        for (int i = 0; i < signatures; i++)
        {
            Secp256k1.Instance.SignRecoverable(hash, key, signature);
        }

        for (int i = 0; i < recovered; i++)
        {
            Secp256k1.Instance.TryRecover(key, KnownSignature, publicKey);
        }
    }

    private static byte[] CreateKey()
    {
        byte[] publicKey = new byte[Secp256k1.PublicKeySize], key = new byte[Secp256k1.PrivateKeySize];
        key.AsSpan().Fill(2);
        Secp256k1.Instance.CreatePublicKey(key, publicKey);
        return publicKey;
    }

    /// <summary>Of a hash of ones, by a key of ones.</summary>
    private static byte[] Sign()
    {
        byte[] signature = new byte[Secp256k1.RecoverableSignatureSize], ones = new byte[Secp256k1.PrivateKeySize];
        ones.AsSpan().Fill(1);
        Secp256k1.Instance.SignRecoverable(ones, ones, signature);
        return signature;
    }

    private static double Own()
    {
        using var self = Process.GetCurrentProcess();
        return self.TotalProcessorTime.TotalMicroseconds;
    }
}
