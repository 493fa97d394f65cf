using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;

namespace DevP2P.NetUtil;

/// <summary>
/// Predicts under which address and port other hosts reach this one, by a vote: what a host says counts once, until it says
/// something else or the statement is too old. Time is an argument; not safe for concurrent use.
/// </summary>
/// <remarks>
/// Go: <c>netutil.IPTracker</c>. Unlike there, memory is bounded by <see cref="MaxHosts"/>, and of two end points with as many
/// votes the one that was predicted before stays.
/// </remarks>
internal sealed class IpTracker
{
    /// <summary>How many hosts' statements, and how many contacts, are remembered; the oldest make room.</summary>
    public const int MaxHosts = 512;

    /// <summary>How many hosts must agree, how long a statement counts and how long a contact does: as in go-ethereum's local node.</summary>
    public const int DefaultMinStatements = 10;
    public static readonly TimeSpan DefaultWindow = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan DefaultContactWindow = TimeSpan.FromMinutes(10);

    private readonly TimeSpan _window;
    private readonly TimeSpan _contactWindow;
    private readonly int _minStatements;

    // Addresses as IPv6 numbers: an IPAddress is two objects.
    private readonly Dictionary<UInt128, Statement> _statements = [];
    private readonly Dictionary<UInt128, TimeSpan> _contacts = [];
    private readonly Dictionary<EndPointKey, int> _votes = [];
    private EndPointKey? _predicted;

    /// <summary>No statement and no contact is older than this; saves looking at all of them each time.</summary>
    private TimeSpan _oldestStatement = TimeSpan.MaxValue;
    private TimeSpan _oldestContact = TimeSpan.MaxValue;

    public IpTracker()
        : this(DefaultWindow, DefaultContactWindow, DefaultMinStatements)
    {
    }

    public IpTracker(TimeSpan window, TimeSpan contactWindow, int minStatements)
    {
        _window = window;
        _contactWindow = contactWindow;
        _minStatements = minStatements;
    }

    /// <summary>How many statements are remembered.</summary>
    public int StatementCount => _statements.Count;

    /// <summary>How many contacts are remembered.</summary>
    public int ContactCount => _contacts.Count;

    /// <summary>A host says that it sees us at an end point.</summary>
    public void AddStatement(TimeSpan now, IPAddress host, IPEndPoint endPoint)
    {
        ExpireStatements(now);
        UInt128 key = ToNumber(host);
        if (_statements.Remove(key, out Statement old))
        {
            Withdraw(old);
        }
        else if (_statements.Count >= MaxHosts)
        {
            UInt128 oldest = _statements.MinBy(entry => entry.Value.Time).Key;
            Withdraw(_statements[oldest]);
            _statements.Remove(oldest);
        }

        var statement = new Statement(new EndPointKey(ToNumber(endPoint.Address), (ushort)endPoint.Port), now);
        _statements.Add(key, statement);
        CollectionsMarshal.GetValueRefOrAddDefault(_votes, statement.EndPoint, out _)++;
        _oldestStatement = now < _oldestStatement ? now : _oldestStatement;
    }

    /// <summary>A packet that says where we are has been sent to a host.</summary>
    public void AddContact(TimeSpan now, IPAddress host)
    {
        ExpireContacts(now);
        UInt128 key = ToNumber(host);
        if (_contacts.Count >= MaxHosts && !_contacts.ContainsKey(key))
        {
            _contacts.Remove(_contacts.MinBy(entry => entry.Value).Key);
        }

        _contacts[key] = now;
        _oldestContact = now < _oldestContact ? now : _oldestContact;
    }

    /// <summary>The end point that most hosts see us at, or null when not enough of them agree.</summary>
    public IPEndPoint? PredictEndPoint(TimeSpan now)
    {
        ExpireStatements(now);
        int most = _predicted is { } before && _votes.TryGetValue(before, out int votes) ? votes : 0;
        foreach ((EndPointKey endPoint, int count) in _votes)
        {
            if (count > most)
            {
                most = count;
                _predicted = endPoint;
            }
        }

        _predicted = most >= _minStatements ? _predicted : null;
        return _predicted is { } result ? new IPEndPoint(ToAddress(result.Address), result.Port) : null;
    }

    /// <summary>
    /// Whether a host that we had not contacted before has made a statement: packets from anywhere get through to us, so that
    /// there is no address translation, or one of the kind "full cone".
    /// </summary>
    public bool PredictFullConeNat(TimeSpan now)
    {
        ExpireContacts(now);
        ExpireStatements(now);
        foreach ((UInt128 host, Statement statement) in _statements)
        {
            if (!_contacts.TryGetValue(host, out TimeSpan contact) || contact > statement.Time)
            {
                return true;
            }
        }

        return false;
    }

    private static UInt128 ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static IPAddress ToAddress(UInt128 number)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return AddressRules.Unmap(new IPAddress(bytes));
    }

    /// <summary>Whether something of a time is older than a window. Written so that no time, however small, overflows.</summary>
    private static bool IsExpired(TimeSpan now, TimeSpan time, TimeSpan window) => now > time && now - time > window;

    private void ExpireStatements(TimeSpan now)
    {
        if (!IsExpired(now, _oldestStatement, _window))
        {
            return;
        }

        _oldestStatement = TimeSpan.MaxValue;
        foreach ((UInt128 host, Statement statement) in _statements)
        {
            if (IsExpired(now, statement.Time, _window))
            {
                _statements.Remove(host);
                Withdraw(statement);
            }
            else if (statement.Time < _oldestStatement)
            {
                _oldestStatement = statement.Time;
            }
        }
    }

    private void ExpireContacts(TimeSpan now)
    {
        if (!IsExpired(now, _oldestContact, _contactWindow))
        {
            return;
        }

        _oldestContact = TimeSpan.MaxValue;
        foreach ((UInt128 host, TimeSpan time) in _contacts)
        {
            if (IsExpired(now, time, _contactWindow))
            {
                _contacts.Remove(host);
            }
            else if (time < _oldestContact)
            {
                _oldestContact = time;
            }
        }
    }

    private void Withdraw(Statement statement)
    {
        ref int count = ref CollectionsMarshal.GetValueRefOrNullRef(_votes, statement.EndPoint);
        if (--count == 0)
        {
            _votes.Remove(statement.EndPoint);
        }
    }

    private readonly record struct EndPointKey(UInt128 Address, ushort Port);

    private readonly record struct Statement(EndPointKey EndPoint, TimeSpan Time);
}
