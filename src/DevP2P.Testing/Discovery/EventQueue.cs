using System.Runtime.InteropServices;

namespace DevP2P.Testing.Discovery;

/// <summary>
/// What is to happen, in the order of time. Events of the next seconds lie in slots of a millisecond, unordered until their
/// slot's turn comes; what is farther away waits in a heap. So that most events cost a few memory accesses, however many there are.
/// </summary>
internal sealed class EventQueue
{
    private const long SlotTicks = TimeSpan.TicksPerMillisecond;
    private const int Slots = 1 << 14;

    private readonly List<Entry>?[] _slots = new List<Entry>?[Slots];
    private readonly PriorityQueue<Event, EventTime> _far = new();

    // Lists of slots that are over, for others: the last one that was read is in the cache still.
    private readonly Stack<List<Entry>> _spare = new();

    // The events of the current slot, and any that come late; and their order, of which the first ones are taken already.
    private readonly List<Key> _order = [];
    private List<Entry> _current = [];
    private int _taken;
    private long _slot;
    private int _inSlots;

    public void Add(EventTime time, in Event @event)
    {
        long slot = time.Ticks / SlotTicks;
        if (slot <= _slot)
        {
            AddToCurrent(time, @event);
        }
        else if (slot - _slot < Slots)
        {
            ref List<Entry>? entries = ref _slots[slot % Slots];
            entries ??= _spare.TryPop(out List<Entry>? spare) ? spare : [];
            entries.Add(new Entry(time, @event));
            _inSlots++;
        }
        else
        {
            _far.Enqueue(@event, time);
        }
    }

    /// <summary>Takes the next event, if it happens before a time.</summary>
    public bool TryTake(long end, out Event @event, out long ticks)
    {
        (@event, ticks) = (default, 0);
        if (_taken == _order.Count && !TryAdvance((end - 1) / SlotTicks))
        {
            return false;
        }

        ref readonly Key key = ref CollectionsMarshal.AsSpan(_order)[_taken];
        ticks = key.Time.Ticks;
        if (ticks >= end)
        {
            return false;
        }

        @event = CollectionsMarshal.AsSpan(_current)[key.Index].Event;
        _taken++;
        return true;
    }

    /// <summary>Goes on to the next slot that has an event.</summary>
    private bool TryAdvance(long last)
    {
        _current.Clear();
        _order.Clear();
        _taken = 0;
        while (_current.Count == 0 && _slot < last && (_inSlots > 0 || _far.Count > 0))
        {
            _slot++;
            ref List<Entry>? entries = ref _slots[_slot % Slots];
            if (entries is not null)
            {
                _spare.Push(_current);
                (_current, entries) = (entries, null);
                _inSlots -= _current.Count;
            }

            while (_far.TryPeek(out _, out EventTime time) && time.Ticks / SlotTicks <= _slot)
            {
                _current.Add(new Entry(time, _far.Dequeue()));
            }
        }

        for (int i = 0; i < _current.Count; i++)
        {
            _order.Add(new Key(_current[i].Time, i));
        }

        CollectionsMarshal.AsSpan(_order).Sort();
        return _current.Count > 0;
    }

    private void AddToCurrent(EventTime time, in Event @event)
    {
        int place = _order.Count;
        for (; place > _taken && time.CompareTo(_order[place - 1].Time) < 0; place--)
        {
        }

        _order.Insert(place, new Key(time, _current.Count));
        _current.Add(new Entry(time, @event));
    }

    private readonly record struct Entry(EventTime Time, Event Event);

    private readonly record struct Key(EventTime Time, int Index) : IComparable<Key>
    {
        public int CompareTo(Key other) => Time.CompareTo(other.Time);
    }
}
