using System.Net.Sockets;
using DevP2P.Hosting.Rpc;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DevP2P.Hosting;

/// <summary>
/// The admin JSON-RPC of a node over a Unix socket, framed as geth's IPC. Its file has mode 0600: who may open it is who runs the node. Needs
/// no web server.
/// </summary>
public sealed class AdminSocket : IAsyncDisposable
{
    /// <summary>Connections that wait to be accepted.</summary>
    private const int Backlog = 16;

    private readonly RpcEndpoint _endpoint;
    private readonly bool _ownsEndpoint;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<Task> _connections = [];
    private readonly Lock _gate = new();
    private readonly Task _accepting;

    private AdminSocket(string path, RpcEndpoint endpoint, bool ownsEndpoint)
    {
        Path = path;
        _endpoint = endpoint;
        _ownsEndpoint = ownsEndpoint;
        _listener = Listen(path);
        _accepting = AcceptAsync();
    }

    /// <summary>The socket's file.</summary>
    public string Path { get; }

    /// <summary>Opens the socket. A file that a program left behind which no longer runs is replaced.</summary>
    /// <param name="path">Where its file is to be.</param>
    /// <param name="server">The node.</param>
    /// <param name="options">What the API says of the program around the node; the token is for HTTP alone.</param>
    /// <param name="loggerFactory">Where calls that change the node are logged; null for nowhere.</param>
    /// <exception cref="P2PException">The path cannot be used, or somebody listens there.</exception>
    public static AdminSocket Open(string path, Server server, AdminOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(server);
        var endpoint = new RpcEndpoint(server, options ?? new AdminOptions(), loggerFactory ?? NullLoggerFactory.Instance, TimeProvider.System);
        try
        {
            return new AdminSocket(path, endpoint, ownsEndpoint: true);
        }
        catch
        {
            endpoint.Dispose();
            throw;
        }
    }

    internal static AdminSocket Open(string path, RpcEndpoint endpoint) => new(path, endpoint, ownsEndpoint: false);

    /// <summary>Ends all connections and removes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        Task[] connections;
        lock (_gate)
        {
            connections = [.. _connections];
        }

        await Task.WhenAll(connections).ConfigureAwait(false);
        File.Delete(Path);
        if (_ownsEndpoint)
        {
            _endpoint.Dispose();
        }
    }

    private static Socket Listen(string path)
    {
        Socket? socket = null;
        try
        {
            var endPoint = new UnixDomainSocketEndPoint(path);
            RemoveLeftOver(path, endPoint);
            socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(endPoint);
            if (!OperatingSystem.IsWindows())
            {
                // Nobody can connect before it listens: there is no moment at which others can.
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            socket.Listen(Backlog);
            return socket;
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException or ArgumentException)
        {
            socket?.Dispose();
            throw new P2PException($"the admin socket {path} cannot be opened: {e.Message}", e);
        }
    }

    private static void RemoveLeftOver(string path, UnixDomainSocketEndPoint endPoint)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(endPoint);
        }
        catch (SocketException)
        {
            // A socket has no length. A file with content was named by mistake.
            if (new FileInfo(path).Length > 0)
            {
                throw new IOException("the file exists and is no socket");
            }

            File.Delete(path);
            return;
        }

        throw new IOException("another program listens there");
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Socket socket = await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
                Task serving = SocketTransport.ServeAsync(_endpoint, socket, _stop.Token);
                lock (_gate)
                {
                    _connections.Add(serving);
                }

                _ = serving.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                if (_stop.IsCancellationRequested)
                {
                    return;
                }

                // Out of file descriptors, most likely: the next moment may be better.
                RpcLog.AcceptFailed(_endpoint.Logger, e);
                await Task.Delay(TimeSpan.FromSeconds(1), _stop.Token).ContinueWith(static _ => { }, TaskScheduler.Default).ConfigureAwait(false);
            }
        }
    }

    private void Forget(Task serving)
    {
        lock (_gate)
        {
            _connections.Remove(serving);
        }
    }
}
