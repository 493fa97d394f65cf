using System.Diagnostics;
using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>A packet of discovery v5.1 in a session, in this process and without a socket: what its encryption costs, and its decryption.</summary>
internal static class PacketBench
{
    /// <summary>Bytes of the message.</summary>
    public const int MessageSize = 100;

    private const int Step = 256;

    /// <returns>A run each: encoded, decoded.</returns>
    public static (BenchRun Encode, BenchRun Decode) Run(TimeSpan time)
    {
        var crypto = new V4IdentityCrypto(PrivateKey.Generate());
        NodeId source = PrivateKey.Generate().PublicKey.NodeId;
        AesBlock mask = PacketCodec.CreateMask(PrivateKey.Generate().PublicKey.NodeId);
        byte[] keys = new byte[SessionCrypto.KeysSize];
        RandomSource.System.Fill(keys);
        var sender = new Session(crypto, keys, isInitiator: true, TimeSpan.Zero);
        var receiver = new Session(crypto, keys, isInitiator: false, TimeSpan.Zero);
        byte[] message = new byte[MessageSize];
        RandomSource.System.Fill(message);
        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        int size = 0;
        BenchRun encode = Measure(time, () => size = Encode(sender, source, mask, message, packet));
        byte[] received = new byte[size];
        byte[] plaintext = new byte[PacketCodec.MaxPacketSize];
        return (encode, Measure(time, () =>
        {
            // The header is unmasked in place.
            packet.AsSpan(0, size).CopyTo(received);
            if (Decode(receiver, mask, received, plaintext) != MessageSize)
            {
                throw new CliException("a packet was not decoded");
            }
        }));
    }

    private static int Encode(Session session, NodeId source, AesBlock mask, ReadOnlySpan<byte> message, Span<byte> packet)
    {
        Nonce nonce = session.NextNonce(0x1234_5678);
        int head = PacketCodec.WriteMessageHead(packet, packet[..PacketCodec.MaskingIvSize], nonce, source);
        int end = head + message.Length + PacketCodec.TagSize;
        session.Encrypt(nonce, message, packet[..head], packet[head..end]);
        PacketCodec.MaskHead(mask, packet, head);
        return end;
    }

    private static int Decode(Session session, AesBlock mask, Span<byte> packet, Span<byte> plaintext) =>
        PacketCodec.TryUnmask(mask, packet, out PacketHeader header) == PacketError.None
            ? session.Decrypt(header.Nonce, packet[header.Size..], packet[..header.Size], plaintext).Length
            : -1;

    private static BenchRun Measure(TimeSpan time, Action action)
    {
        Repeat(time / 4, action);
        ProcessCost before = ProcessCost.Now();
        long start = Stopwatch.GetTimestamp();
        long count = Repeat(time, action);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ProcessCost cost = ProcessCost.Now() - before;
        return new BenchRun(count, seconds, cost, null, cost.CpuMicroseconds / count);
    }

    private static long Repeat(TimeSpan time, Action action)
    {
        long start = Stopwatch.GetTimestamp();
        long count = 0;
        do
        {
            for (int i = 0; i < Step; i++)
            {
                action();
            }

            count += Step;
        }
        while (Stopwatch.GetElapsedTime(start) < time);
        return count;
    }
}
