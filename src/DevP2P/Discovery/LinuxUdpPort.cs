using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DevP2P.NetUtil;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>
/// Many datagrams at a time, with Linux's own calls (recvmmsg(2), sendmmsg(2)). A thread of its own blocks in one call until something
/// comes, which costs less than half of what the pool's threads cost that are woken up for it.
/// </summary>
/// <remarks>
/// The socket's handle is passed, not its number: as long as a call runs, the handle is not reused. Closing the socket makes the
/// runtime shut it down, which ends the call.
/// </remarks>
internal sealed unsafe partial class LinuxUdpPort(Socket socket, ILogger logger) : UdpPort(socket, logger)
{
    /// <summary>How many datagrams are received by one call at most.</summary>
    public const int ReceiveBatch = 32;

    /// <summary>How many are sent by one call at most.</summary>
    public const int SendBatch = 64;

    private const int DontWait = 0x40;
    private const int WaitForOne = 0x10000;
    private const int Interrupted = 4;
    private const int BadDescriptor = 9;

    private readonly Batch _received = new(ReceiveBatch, socket.AddressFamily);
    private readonly Batch _waiting = new(SendBatch, socket.AddressFamily);
    private int _waitingCount;

    /// <summary>Whether this platform has the calls. Asked once, by calls for no datagrams.</summary>
    public static bool IsSupported { get; } = OperatingSystem.IsLinux() && HasCalls();

    public override Task ReceiveAsync(Action<UdpPort, int> take)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            Receive(take);
            done.SetResult();
        })
        {
            IsBackground = true,
            Name = "DevP2P UDP",
        };
        thread.Start();
        return done.Task;
    }

    public override void Read(int index, Datagram datagram)
    {
        datagram.From = CompactEndPoint.From(_received.Address(index), Family);
        datagram.Length = _received.Read(index, datagram.Buffer);
    }

    public override bool Send(in CompactEndPoint to, ReadOnlySpan<byte> datagram)
    {
        if (_waitingCount == SendBatch)
        {
            Flush();
        }

        _waiting.Write(_waitingCount++, to, datagram);
        return true;
    }

    public override void Flush()
    {
        int sent = 0;
        while (sent < _waitingCount)
        {
            int count = SendMany(_waiting.From(sent), (uint)(_waitingCount - sent));
            if (count > 0)
            {
                sent += count;
            }
            else if (Marshal.GetLastPInvokeError() != Interrupted || IsClosed)
            {
                // The first of them cannot be sent; the others may.
                if (Logger.IsEnabled(LogLevel.Trace))
                {
                    LogNotSent(CompactEndPoint.From(_waiting.Address(sent), Family).ToEndPoint(), Marshal.GetLastPInvokeErrorMessage());
                }

                sent++;
            }
        }

        _waitingCount = 0;
    }

    private void Receive(Action<UdpPort, int> take)
    {
        while (!IsClosed)
        {
            _received.Clear();
            int count = ReceiveMany();
            if (count > 0 && !IsClosed)
            {
                take(this, count);
            }
            else if (count < 0 && Marshal.GetLastPInvokeError() != Interrupted)
            {
                LogFailure(new Win32Exception(Marshal.GetLastPInvokeError()));
                return;
            }
        }
    }

    private int ReceiveMany()
    {
        try
        {
            return ReceiveMessages(Socket.SafeHandle, _received.From(0), ReceiveBatch, WaitForOne, null);
        }
        catch (ObjectDisposedException)
        {
            Marshal.SetLastPInvokeError(BadDescriptor);
            return -1;
        }
    }

    private int SendMany(Message* messages, uint count)
    {
        try
        {
            return SendMessages(Socket.SafeHandle, messages, count, 0);
        }
        catch (ObjectDisposedException)
        {
            Marshal.SetLastPInvokeError(BadDescriptor);
            return -1;
        }
    }

    private static bool HasCalls()
    {
        try
        {
            using var any = new Socket(SocketType.Dgram, ProtocolType.Udp);
            return ReceiveMessages(any.SafeHandle, null, 0, DontWait, null) == 0 && SendMessages(any.SafeHandle, null, 0, 0) == 0;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    private static partial int ReceiveMessages(SafeHandle socket, Message* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    private static partial int SendMessages(SafeHandle socket, Message* messages, uint count, int flags);

    /// <summary><c>struct iovec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>struct msghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        public byte* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct mmsghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public Header Header;
        public uint Length;
    }

    /// <summary>Room for datagrams and their addresses, with what the calls need to find them; at fixed addresses.</summary>
    private sealed class Batch
    {
        private const int AddressSize = 28;
        private const int AddressStep = 32;
        private const int Size = Datagram.MaxSize + 1;

        private readonly AddressFamily _family;
        private readonly Message[] _messages;
        private readonly Vector[] _vectors;
        private readonly byte[] _addresses;
        private readonly byte[] _buffer;

        public Batch(int count, AddressFamily family)
        {
            _family = family;
            _messages = GC.AllocateArray<Message>(count, pinned: true);
            _vectors = GC.AllocateArray<Vector>(count, pinned: true);
            _addresses = GC.AllocateArray<byte>(count * AddressStep, pinned: true);
            _buffer = GC.AllocateArray<byte>(count * Size, pinned: true);
            var empty = new SocketAddress(family);
            for (int i = 0; i < count; i++)
            {
                empty.Buffer.Span[..Math.Min(empty.Size, AddressSize)].CopyTo(Address(i));
                _vectors[i] = new Vector { Base = At(_buffer, i * Size), Length = Size };
                _messages[i].Header = new Header
                {
                    Name = At(_addresses, i * AddressStep),
                    NameLength = AddressSize,
                    Vectors = (Vector*)Marshal.UnsafeAddrOfPinnedArrayElement(_vectors, i),
                    VectorCount = 1,
                };
            }
        }

        public Message* From(int index) => (Message*)Marshal.UnsafeAddrOfPinnedArrayElement(_messages, index);

        public Span<byte> Address(int index) => _addresses.AsSpan(index * AddressStep, AddressSize);

        /// <summary>All is room for addresses again: a call leaves their sizes behind.</summary>
        public void Clear()
        {
            foreach (ref Message message in _messages.AsSpan())
            {
                message.Header.NameLength = AddressSize;
            }
        }

        public int Read(int index, Span<byte> destination)
        {
            int length = (int)_messages[index].Length;
            _buffer.AsSpan(index * Size, length).CopyTo(destination);
            return length;
        }

        public void Write(int index, in CompactEndPoint to, ReadOnlySpan<byte> datagram)
        {
            datagram.CopyTo(_buffer.AsSpan(index * Size, Size));
            _vectors[index].Length = (nuint)datagram.Length;
            _messages[index].Header.NameLength = (uint)to.CopyTo(Address(index), _family);
        }

        private static byte* At(byte[] array, int index) => (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(array, index);
    }
}
