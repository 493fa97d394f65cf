using System.Net;
using System.Runtime.CompilerServices;
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
public sealed class IpTracker
{
    /// <summary>How many hosts' statements, and how many contacts, are remembered; the oldest make room.</summary>
    public const int MaxHosts = 512;

    /// <summary>How many hosts must agree, unless said otherwise: as in go-ethereum's local node.</summary>
    public const int DefaultMinStatements = 10;

    /// <summary>How often in the time for which something counts, without anybody asking, what is too old is forgotten.</summary>
    public const int ExpirationsPerWindow = 8;

    /// <summary>How long a statement counts, unless said otherwise.</summary>
    public static readonly TimeSpan DefaultWindow = TimeSpan.FromMinutes(5);

    /// <summary>How long a contact counts, unless said otherwise.</summary>
    public static readonly TimeSpan DefaultContactWindow = TimeSpan.FromMinutes(10);

    private readonly TimeSpan _window;
    private readonly TimeSpan _contactWindow;
    private readonly int _minStatements;

    // Hosts as values: an IPAddress is two objects.
    private readonly Dictionary<Host, Statement> _statements = [];
    private readonly Dictionary<Host, TimeSpan> _contacts = [];
    private readonly Dictionary<EndPointKey, Vote> _votes = [];
    private EndPointKey? _predicted;

    /// <summary>No statement and no contact is older than this; saves looking at all of them each time.</summary>
    private TimeSpan _oldestStatement = TimeSpan.MaxValue;
    private TimeSpan _oldestContact = TimeSpan.MaxValue;

    /// <summary>Before this, adding does not look for what is too old: each look is at all of them.</summary>
    private TimeSpan _statementsExpire = TimeSpan.MinValue;
    private TimeSpan _contactsExpire = TimeSpan.MinValue;

    /// <summary>Makes one as discovery has it.</summary>
    public IpTracker()
        : this(DefaultWindow, DefaultContactWindow, DefaultMinStatements)
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="window">How long a statement counts.</param>
    /// <param name="contactWindow">How long a contact does.</param>
    /// <param name="minStatements">How many hosts must agree.</param>
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
        if (now >= _statementsExpire)
        {
            ExpireStatements(now);
            _statementsExpire = now + (_window / ExpirationsPerWindow);
        }

        Host key = Host.From(host);
        var named = new EndPointKey(Host.From(endPoint.Address), (ushort)endPoint.Port);
        ref Vote? vote = ref CollectionsMarshal.GetValueRefOrAddDefault(_votes, named, out _);
        vote ??= new Vote(named);
        vote.Count++;
        var statement = new Statement(vote, now);
        _oldestStatement = now < _oldestStatement ? now : _oldestStatement;

        ref Statement known = ref CollectionsMarshal.GetValueRefOrNullRef(_statements, key);
        if (!Unsafe.IsNullRef(ref known))
        {
            Withdraw(known);
            known = statement;
            return;
        }

        if (_statements.Count >= MaxHosts)
        {
            Host oldest = _statements.MinBy(entry => entry.Value.Time).Key;
            Withdraw(_statements[oldest]);
            _statements.Remove(oldest);
        }

        _statements.Add(key, statement);
    }

    /// <summary>A packet that says where we are has been sent to a host.</summary>
    public void AddContact(TimeSpan now, IPAddress host)
    {
        if (now >= _contactsExpire)
        {
            ExpireContacts(now);
            _contactsExpire = now + (_contactWindow / ExpirationsPerWindow);
        }

        Host key = Host.From(host);
        ref TimeSpan known = ref CollectionsMarshal.GetValueRefOrNullRef(_contacts, key);
        if (!Unsafe.IsNullRef(ref known))
        {
            known = now;
        }
        else
        {
            MakeRoomForContact();
            _contacts.Add(key, now);
        }

        _oldestContact = now < _oldestContact ? now : _oldestContact;
    }

    /// <summary>Whether a contact with a host counts still.</summary>
    internal bool HasContact(TimeSpan now, IPAddress host) => _contacts.TryGetValue(Host.From(host), out TimeSpan contact) && !IsExpired(now, contact, _contactWindow);

    /// <summary>The end point that most hosts see us at, or null when not enough of them agree.</summary>
    public IPEndPoint? PredictEndPoint(TimeSpan now)
    {
        ExpireStatements(now);
        int most = _predicted is { } before && _votes.TryGetValue(before, out Vote? votes) ? votes.Count : 0;
        foreach (Vote vote in _votes.Values)
        {
            if (vote.Count > most)
            {
                most = vote.Count;
                _predicted = vote.EndPoint;
            }
        }

        _predicted = most >= _minStatements ? _predicted : null;
        return _predicted is { } result ? new IPEndPoint(result.Host.ToAddress(), result.Port) : null;
    }

    /// <summary>
    /// Whether a host that we had not contacted before has made a statement: packets from anywhere get through to us, so that
    /// there is no address translation, or one of the kind "full cone".
    /// </summary>
    public bool PredictFullConeNat(TimeSpan now)
    {
        ExpireContacts(now);
        ExpireStatements(now);
        foreach ((Host host, Statement statement) in _statements)
        {
            if (!_contacts.TryGetValue(host, out TimeSpan contact) || contact > statement.Time)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>By a loop of its own: a busy node comes here with every ping.</summary>
    private void MakeRoomForContact()
    {
        if (_contacts.Count == MaxHosts / 2)
        {
            // Not the next larger prime: there is one of these for each node of a simulation.
            _contacts.EnsureCapacity(MaxHosts);
        }

        if (_contacts.Count < MaxHosts)
        {
            return;
        }

        (Host oldest, TimeSpan earliest) = (default, TimeSpan.MaxValue);
        foreach ((Host host, TimeSpan time) in _contacts)
        {
            if (time < earliest)
            {
                (oldest, earliest) = (host, time);
            }
        }

        _contacts.Remove(oldest);
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
        foreach ((Host host, Statement statement) in _statements)
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
        foreach ((Host host, TimeSpan time) in _contacts)
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
        if (--statement.Vote.Count == 0)
        {
            _votes.Remove(statement.Vote.EndPoint);
        }
    }

    /// <summary>An address as the two halves of its IPv6 form: a UInt128 would be aligned to its size, and a node keeps a thousand of these.</summary>
    private readonly record struct Host(ulong Upper, ulong Lower)
    {
        public static Host From(IPAddress address)
        {
            UInt128 number = CompactEndPoint.From(address, 0).Address;
            return new Host((ulong)(number >> 64), (ulong)number);
        }

        public IPAddress ToAddress() => new CompactEndPoint(new UInt128(Upper, Lower), 0).ToAddress();

        /// <summary>With the process's secret, so that nobody can choose addresses that collide.</summary>
        public override int GetHashCode() => HashCode.Combine(Upper, Lower);
    }

    private readonly record struct EndPointKey(Host Host, ushort Port);

    private readonly record struct Statement(Vote Vote, TimeSpan Time);

    /// <summary>For how many hosts an end point is ours.</summary>
    private sealed class Vote(EndPointKey endPoint)
    {
        public EndPointKey EndPoint => endPoint;

        public int Count { get; set; }
    }
}
