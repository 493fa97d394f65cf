using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <summary>
/// Discovery v4 as a state machine without I/O: it takes the time, packets and commands, and hands out datagrams, results and
/// facts. Not safe for concurrent calls.
/// </summary>
/// <remarks>
/// <para>Go: <c>discover.UDPv4</c>. Specified in discv4.md, EIP-8 and EIP-868.</para>
/// <para>
/// Endpoint proof (T04): nobody is answered with more than a pong who has not, within
/// <see cref="Discv4Limits.ProofLifetime"/>, sent from the same address, with the same key, a pong with the hash of our latest
/// ping. Ours with others is renewed before a query when it is older than <see cref="Discv4Limits.ProofRenewal"/>.
/// </para>
/// <para>
/// Everything is bounded by <see cref="Discv4Limits"/>, except what the operator's own commands ask for. Rates are not limited
/// here but by the pump, before it recovers a signature; see also <see cref="IsWorthRecovering"/>.
/// </para>
/// </remarks>
internal sealed partial class Discv4 : DiscoveryMachine
{
    private readonly Discv4Options _options;
    private readonly Contacts _contacts = new();
    private readonly ClockDrift _drift = new();
    private readonly Node[] _closest = new Node[Neighbors.MaxPerAnswer];
    private readonly Neighbor[] _named = new Neighbor[Neighbors.MaxPerPacket];
    private TimeSpan? _lastExpired;

    public Discv4(Discv4Options options, Timestamp now)
        : base(now, options.Local, options.Random, options.BootstrapNodes, options.NetRestrict, options.Outputs) => _options = options;

    /// <summary>How many endpoint proofs are remembered.</summary>
    public int ContactCount => _contacts.Count;

    /// <summary>How many requests wait for an answer.</summary>
    public int RequestCount { get; private set; }

    /// <summary>
    /// The cheap question before the expensive one who has signed: whether a packet from there could matter at all. Answers
    /// that nobody waits for, and queries from where nobody has proved an endpoint, cannot.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="from">Where the packet came from.</param>
    /// <param name="packet">What it says, if its signature is good.</param>
    public bool IsWorthRecovering(Timestamp now, IPEndPoint from, Packet packet)
    {
        IPAddress address = AddressRules.Unmap(from.Address);
        if (_options.NetRestrict is { } allowed && !allowed.Contains(address))
        {
            return false;
        }

        if (packet.IsExpired(now.Utc))
        {
            // One now and then shows whether it is our clock that is wrong.
            if (now.Monotonic - _lastExpired < ClockDrift.SampleInterval)
            {
                return false;
            }

            _lastExpired = now.Monotonic;
            return true;
        }

        return packet.Type switch
        {
            PacketType.Ping => true,
            PacketType.FindNode or PacketType.RecordRequest => _contacts.HasAny(address),
            _ => IsAwaited(address, packet.Type),
        };
    }

    /// <summary>A packet has come whose hash and signature are good.</summary>
    /// <param name="now">The time.</param>
    /// <param name="from">Where it came from.</param>
    /// <param name="sender">Who has signed it.</param>
    /// <param name="hash">Its hash.</param>
    /// <param name="packet">What it says.</param>
    public void HandlePacket(Timestamp now, IPEndPoint from, PublicKey sender, PacketHash hash, Packet packet)
    {
        if (from.Address.IsIPv4MappedToIPv6)
        {
            from = new IPEndPoint(from.Address.MapToIPv4(), from.Port);
        }

        ContactKey key = new(sender.NodeId, from.Address);
        if (key.Id == Local.Id || from.Port == 0 || (_options.NetRestrict is { } allowed && !allowed.Contains(from.Address)))
        {
            return;
        }

        if (packet.Expiration is { } expiration)
        {
            if (_drift.IsDue(now.Monotonic))
            {
                WatchClock(now, key, expiration);
            }

            if (packet.IsExpired(now.Utc))
            {
                return;
            }
        }

        switch (packet)
        {
            case Ping ping:
                HandlePing(now, from, sender, hash, ping);
                break;
            case Pong pong:
                HandlePong(now, from, key, pong);
                break;
            case FindNode findNode when _contacts.IsProven(now.Monotonic, key):
                HandleFindNode(now, from, findNode);
                break;
            case Neighbors neighbors:
                HandleNeighbors(now, key, neighbors);
                break;
            case RecordRequest when _contacts.IsProven(now.Monotonic, key):
                HandleRecordRequest(now, from, hash);
                break;
            case RecordResponse response:
                HandleRecordResponse(now, key, response);
                break;
        }

        Settle(now);
    }

    /// <summary>
    /// Remembers an endpoint proof of an earlier run, so that those who rely on it are answered.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="id">The node.</param>
    /// <param name="address">Its address.</param>
    /// <param name="lastPong">When it last answered a ping (UTC).</param>
    /// <param name="lastPing">When it last pinged us (UTC), or null.</param>
    public void RestoreContact(Timestamp now, NodeId id, IPAddress address, DateTimeOffset lastPong, DateTimeOffset? lastPing)
    {
        TimeSpan? pong = ToMonotonic(now, lastPong);
        if (pong is { } at && now.Monotonic - at < Discv4Limits.ProofLifetime)
        {
            Contact contact = _contacts.AddProof(at, new ContactKey(id, AddressRules.Unmap(address)));
            contact.LastPing = lastPing is { } ping ? ToMonotonic(now, ping) : null;
        }
    }

    /// <summary>The moment on the monotonic clock; null for one in the future, when some clock must have been wrong.</summary>
    private static TimeSpan? ToMonotonic(Timestamp now, DateTimeOffset utc) => utc <= now.Utc ? now.Monotonic - (now.Utc - utc) : null;

    private void WatchClock(Timestamp now, ContactKey key, ulong expiration)
    {
        bool answersUs = _contacts.Find(key) is { } contact && now.Monotonic - contact.LastPong < ClockDrift.Cooldown;
        if (_drift.Add(now, key.Id, key.Address, expiration, answersUs) is { } ahead)
        {
            Put(new ClockDrifted(ahead));
        }
    }
}
