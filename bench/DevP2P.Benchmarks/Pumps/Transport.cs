using System.Net.Sockets;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>A connected socket, used directly or through a <see cref="NetworkStream"/>.</summary>
internal readonly struct Transport(Socket socket, NetworkStream? stream)
{
    public ValueTask<int> ReceiveAsync(Memory<byte> buffer) =>
        stream is null ? socket.ReceiveAsync(buffer, SocketFlags.None) : stream.ReadAsync(buffer);

    /// <summary>Sends all of <paramref name="data"/>.</summary>
    public ValueTask SendAsync(ReadOnlyMemory<byte> data)
    {
        if (stream is not null)
        {
            return stream.WriteAsync(data);
        }

        ValueTask<int> sending = socket.SendAsync(data, SocketFlags.None);
        if (sending.IsCompletedSuccessfully)
        {
            int sent = sending.Result;
            return sent == data.Length ? ValueTask.CompletedTask : SendRestAsync(socket, data[sent..]);
        }

        return FinishAsync(socket, sending, data);
    }

    private static async ValueTask FinishAsync(Socket socket, ValueTask<int> sending, ReadOnlyMemory<byte> data)
    {
        int sent = await sending;
        await SendRestAsync(socket, data[sent..]);
    }

    private static async ValueTask SendRestAsync(Socket socket, ReadOnlyMemory<byte> data)
    {
        while (!data.IsEmpty)
        {
            data = data[await socket.SendAsync(data, SocketFlags.None)..];
        }
    }
}
