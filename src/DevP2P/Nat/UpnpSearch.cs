using System.Net;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>One search by SSDP, from all interfaces at once. What answers is bounded in number, and the wait in time.</summary>
internal sealed class UpnpSearch
{
    /// <summary>So many devices are looked at more closely.</summary>
    public const int MaxLocations = 8;

    /// <summary>So many locations of one host: some gateways have a description for each version of theirs.</summary>
    public const int MaxLocationsPerHost = 2;

    /// <summary>So many datagrams are read on one interface.</summary>
    public const int MaxDatagrams = 256;

    /// <summary>Datagrams get lost: each search is sent twice.</summary>
    private const int Rounds = 2;

    private const int AnswerWithinSeconds = 1;
    private const int MulticastHops = 2;
    private static readonly TimeSpan RepeatAfter = TimeSpan.FromSeconds(1);

    private readonly UpnpNetwork _network;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _limit;
    private readonly Lock _gate = new();
    private readonly List<Uri> _found = [];

    private UpnpSearch(UpnpNetwork network, TimeProvider time, CancellationTokenSource limit) =>
        (_network, _time, _limit) = (network, time, limit);

    /// <summary>Searches.</summary>
    /// <returns>Where descriptions are, in the order of the answers. May be none.</returns>
    /// <exception cref="OperationCanceledException">By <paramref name="cancellationToken"/>.</exception>
    public static async Task<IReadOnlyList<Uri>> RunAsync(UpnpNetwork network, TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(network.SearchTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        var search = new UpnpSearch(network, time, limit);
        CancellationToken end = either.Token;
        await Task.WhenAll(network.FindInterfaces().Take(UpnpNetwork.MaxInterfaces)
            .Select(link => search.SearchFromAsync(link, end))).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return search._found;
    }

    private async Task SearchFromAsync(UpnpInterface link, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(link.Address, 0));
            if (_network.Ssdp.Address.GetAddressBytes()[0] is >= 224 and < 240)
            {
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, link.Address.GetAddressBytes());
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, MulticastHops);
            }

            await Task.WhenAll(SendAsync(socket, cancellationToken), ReceiveAsync(socket, link, cancellationToken)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The time is over, or this interface leads nowhere.
        }
    }

    private async Task SendAsync(Socket socket, CancellationToken cancellationToken)
    {
        for (int round = 0; round < Rounds; round++)
        {
            foreach (string target in SsdpMessage.SearchTargets)
            {
                byte[] search = SsdpMessage.WriteSearch(target, AnswerWithinSeconds);
                await socket.SendToAsync(search, SocketFlags.None, _network.Ssdp, cancellationToken).ConfigureAwait(false);
            }

            await Task.Delay(RepeatAfter, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ReceiveAsync(Socket socket, UpnpInterface link, CancellationToken cancellationToken)
    {
        // One more than the longest: what is cut off is too long, then.
        byte[] buffer = new byte[SsdpMessage.MaxSize + 1];
        var anyone = new IPEndPoint(IPAddress.Any, 0);
        for (int i = 0; i < MaxDatagrams; i++)
        {
            try
            {
                SocketReceiveFromResult result =
                    await socket.ReceiveFromAsync(buffer, SocketFlags.None, anyone, cancellationToken).ConfigureAwait(false);
                Take(buffer.AsSpan(0, result.ReceivedBytes), ((IPEndPoint)result.RemoteEndPoint).Address, link);
            }
            catch (SocketException)
            {
                // Too long a datagram, or (on Windows) somebody whom we asked does not listen.
            }
        }
    }

    private void Take(ReadOnlySpan<byte> datagram, IPAddress sender, UpnpInterface link)
    {
        if (!link.IsNeighbor(sender) || !SsdpMessage.TryParse(datagram, out SsdpMessage message) || !message.TryGetLocation(sender, out Uri? url))
        {
            return;
        }

        lock (_gate)
        {
            if (_found.Contains(url) || _found.Count >= MaxLocations || _found.Count(found => found.Host == url.Host) >= MaxLocationsPerHost)
            {
                return;
            }

            _found.Add(url);
            if (_found.Count == 1)
            {
                _limit.CancelAfter(_network.SearchGrace);
            }
        }
    }
}
