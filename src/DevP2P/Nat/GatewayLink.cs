using System.Net;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>What NAT-PMP and PCP have in common: the way to the gateway, and what may go wrong on it.</summary>
/// <param name="name">The method's name.</param>
/// <param name="given">The gateway; null to find it anew at each call, as networks change.</param>
/// <param name="port">Where it listens.</param>
/// <param name="time">For waits.</param>
/// <param name="find">Finds the gateway of a family.</param>
internal sealed class GatewayLink(string name, IPAddress? given, int port, TimeProvider time, Func<AddressFamily, IPAddress?>? find)
{
    private volatile bool _hasAnswered;

    /// <summary>Whether it may have to do with a family at all.</summary>
    public bool Covers(AddressFamily family) => given is null || given.AddressFamily == family;

    /// <summary>A socket to the gateway and from it.</summary>
    /// <exception cref="NatException">There is none.</exception>
    public Socket Connect(AddressFamily family)
    {
        IPAddress gateway = given ?? (find ?? FindBest)(family)
            ?? throw new NatException(NatError.NotFound, $"there is no default gateway for {NameOf(family)}");
        try
        {
            return Gateways.Connect(new IPEndPoint(gateway, port));
        }
        catch (SocketException e)
        {
            throw new NatException(NatError.NotFound, $"the gateway {gateway} cannot be reached: {e.Message}", e);
        }
    }

    /// <summary>A request and its answer.</summary>
    /// <exception cref="NatException">There is no answer.</exception>
    public async Task<T> AskAsync<T>(
        Socket socket, byte[] request, Retransmission retransmission, int maxSize, UdpExchange.TryRead<T> tryRead, CancellationToken cancellationToken)
        where T : struct
    {
        string gateway = $"the gateway {((IPEndPoint)socket.RemoteEndPoint!).Address}";
        try
        {
            if (await UdpExchange.AskAsync(socket, null, request, retransmission, maxSize, tryRead, time, cancellationToken).ConfigureAwait(false) is { } answer)
            {
                _hasAnswered = true;
                return answer;
            }
        }
        catch (SocketException e)
        {
            throw new NatException(NatError.NotFound, $"nothing speaks {name} on {gateway}: {e.Message}", e);
        }

        throw _hasAnswered
            ? new NatException(NatError.Timeout, $"{gateway} does not answer {name} any more")
            : new NatException(NatError.NotFound, $"{gateway} does not answer {name}");
    }

    /// <summary>The text form: the name, and the gateway if it is given.</summary>
    public override string ToString() => given is null ? name : $"{name}:{given}";

    /// <summary>Refuses what cannot be asked for.</summary>
    public static void Check(NatMappingRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckPort(request.InternalPort, nameof(NatMappingRequest.InternalPort));
        CheckPort(request.ExternalPort, nameof(NatMappingRequest.ExternalPort));
    }

    /// <summary>The lifetime of a mapping that is to be made, in whole seconds.</summary>
    public static uint LifetimeOf(NatMappingRequest request)
    {
        Check(request);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(request.Lifetime, TimeSpan.Zero, nameof(request));
        return (uint)Math.Min(Math.Ceiling(request.Lifetime.TotalSeconds), uint.MaxValue);
    }

    /// <summary>IPv4 or IPv6, for users.</summary>
    public static string NameOf(AddressFamily family) => family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

    private static void CheckPort(int port, string name)
    {
        if (port is < 1 or > ushort.MaxValue)
        {
            throw new ArgumentException($"{name} is {port}: want 1 to 65535");
        }
    }

    private static IPAddress? FindBest(AddressFamily family) => Gateways.Find(family) is [var best, ..] ? best.Address : null;
}
