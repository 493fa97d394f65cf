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

    // The events of the current slot, and any that come late.
    private readonly PriorityQueue<Event, EventTime> _current = new();
    private long _slot;
    private int _inSlots;

    public void Add(EventTime time, in Event @event)
    {
        long slot = time.Ticks / SlotTicks;
        if (slot <= _slot)
        {
            _current.Enqueue(@event, time);
        }
        else if (slot - _slot < Slots)
        {
            (_slots[slot % Slots] ??= []).Add(new Entry(time, @event));
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
        EventTime time;
        while (!_current.TryPeek(out _, out time))
        {
            if (!TryAdvance((end - 1) / SlotTicks))
            {
                (@event, ticks) = (default, 0);
                return false;
            }
        }

        (@event, ticks) = (default, time.Ticks);
        if (ticks >= end)
        {
            return false;
        }

        @event = _current.Dequeue();
        return true;
    }

    /// <summary>Goes on to the next slot that has an event.</summary>
    private bool TryAdvance(long last)
    {
        while (_current.Count == 0 && _slot < last && (_inSlots > 0 || _far.Count > 0))
        {
            _slot++;
            if (_slots[_slot % Slots] is { Count: > 0 } entries)
            {
                foreach (ref readonly Entry entry in CollectionsMarshal.AsSpan(entries))
                {
                    _current.Enqueue(entry.Event, entry.Time);
                }

                _inSlots -= entries.Count;
                entries.Clear();
            }

            while (_far.TryPeek(out _, out EventTime time) && time.Ticks / SlotTicks <= _slot)
            {
                _current.Enqueue(_far.Dequeue(), time);
            }
        }

        return _current.Count > 0;
    }

    private readonly record struct Entry(EventTime Time, Event Event);
}
