using System.Net;
using System.Runtime.InteropServices;

namespace DevP2P.Benchmarks.Udp;

/// <summary>Linux's calls for datagrams, one at a time and many at a time (recv(2), recvmmsg(2), sendmmsg(2), poll(2)).</summary>
internal static unsafe partial class NativeUdp
{
    private const int DontWait = 0x40;

    [LibraryImport("libc", EntryPoint = "recvfrom", SetLastError = true)]
    private static partial nint ReceiveOne(nint socket, byte* buffer, nuint length, int flags, byte* address, uint* addressLength);

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    private static partial int ReceiveMany(nint socket, Message* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    private static partial int SendMany(nint socket, Message* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(Waiting* sockets, ulong count, int milliseconds);

    /// <summary>Receives one datagram, if there is one.</summary>
    public static bool Receive(nint socket, Span<byte> buffer, Span<byte> address)
    {
        uint size = (uint)address.Length;
        fixed (byte* to = buffer)
        fixed (byte* name = address)
        {
            return ReceiveOne(socket, to, (nuint)buffer.Length, DontWait, name, &size) >= 0;
        }
    }

    /// <summary>Waits until there is something to read.</summary>
    public static bool Wait(nint socket, int milliseconds)
    {
        const short In = 1;
        var waiting = new Waiting { Socket = (int)socket, Events = In };
        return Poll(&waiting, 1, milliseconds) > 0;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Waiting
    {
        public int Socket;
        public short Events;
        public short Happened;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>struct mmsghdr</c> of 64-bit Linux; the last two are <c>int</c>s, each followed by padding.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Message
    {
        public byte* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public nint Flags;
        public nint Length;
    }

    /// <summary>Headers, vectors, addresses and buffers for many datagrams, outside of the managed heap.</summary>
    public sealed class Batch : IDisposable
    {
        private const int AddressSize = 28;
        private readonly byte* _memory;

        public Batch(int count, int size)
        {
            int each = sizeof(Message) + sizeof(Vector) + 32 + size;
            _memory = (byte*)NativeMemory.AllocZeroed((nuint)(each * count));
            Messages = (Message*)_memory;
            var vectors = (Vector*)(Messages + count);
            byte* names = (byte*)(vectors + count);
            byte* buffers = names + (32 * count);
            Count = count;
            for (int i = 0; i < count; i++)
            {
                vectors[i] = new Vector { Base = buffers + (i * size), Length = (nuint)size };
                Messages[i] = new Message { Name = names + (32 * i), NameLength = AddressSize, Vectors = vectors + i, VectorCount = 1 };
            }
        }

        private int Count { get; }

        private Message* Messages { get; }

        /// <summary>Receives as many as there are, if there are any.</summary>
        public int Receive(nint socket)
        {
            for (int i = 0; i < Count; i++)
            {
                Messages[i].NameLength = AddressSize;
            }

            return ReceiveMany(socket, Messages, (uint)Count, DontWait, null);
        }

        /// <summary>Sends all.</summary>
        public int Send(nint socket) => SendMany(socket, Messages, (uint)Count, 0);

        public void SendTo(SocketAddress to)
        {
            for (int i = 0; i < Count; i++)
            {
                to.Buffer.Span[..to.Size].CopyTo(new Span<byte>(Messages[i].Name, AddressSize));
                Messages[i].NameLength = (uint)to.Size;
            }
        }

        public void Dispose() => NativeMemory.Free(_memory);
    }
}
