using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>
/// The sources of dial candidates: who is asked next, whose candidate is dialed next, and how much of the dialed side
/// each may hold. Sans-IO: time is an argument.
/// </summary>
/// <remarks>
/// Go: <c>enode.FairMix</c>, which mixes fairly while all sources are quick but lets the quickest fill every slot; here a
/// share is kept for the others (threat T03: a poisoned source must not own all outbound connections).
/// </remarks>
/// <param name="maxDialedPeers">The dialed side.</param>
/// <param name="getScore">
/// What is known of a node, greater is better. Then two candidates are drawn from a source, and the better is dialed: the choice stays the
/// source's, at random, and is only bent. Null: the first that comes.
/// </param>
internal sealed class DialSources(int maxDialedPeers, Func<NodeId, double>? getScore = null)
{
    /// <summary>The peer slots that are shared out.</summary>
    public int MaxDialedPeers { get; set; } = maxDialedPeers;

    // In the order of registration; the two cursors go round it.
    private readonly List<Source> _sources = [];
    private int _lastId;
    private int _askCursor;
    private int _takeCursor;

    public int Count => _sources.Count;

    /// <summary>When <see cref="Advance"/> has something to do, or null.</summary>
    public TimeSpan? NextTimeout
    {
        get
        {
            TimeSpan? next = null;
            foreach (Source source in _sources)
            {
                next = Min(next, source.RestUntil);
                next = Min(next, source.DrawUntil);
                // A single source has nobody to make room for.
                next = source.IsQuiet || _sources.Count == 1 ? next : Min(next, source.QuietAt);
            }

            return next;
        }
    }

    public int Add(bool allowLan)
    {
        if (_sources.Count >= DialLimits.MaxSources)
        {
            throw new InvalidOperationException($"at most {DialLimits.MaxSources} sources of dial candidates");
        }

        _sources.Add(new Source(++_lastId, allowLan));
        return _lastId;
    }

    public void Remove(int id)
    {
        int index = _sources.FindIndex(s => s.Id == id);
        if (index < 0)
        {
            return;
        }

        Source source = _sources[index];
        if (source.Candidate is not null)
        {
            // What it has offered last is still dialed.
            (source.IsEnded, source.IsAsked, source.IsQuiet) = (true, false, true);
            (source.QuietAt, source.RestUntil, source.DrawUntil) = (null, null, null);
            return;
        }

        RemoveAt(index);
    }

    /// <summary>Wakes sources that have rested and notes which have been quiet for too long.</summary>
    public void Advance(TimeSpan now)
    {
        foreach (Source source in _sources)
        {
            source.RestUntil = source.RestUntil <= now ? null : source.RestUntil;
            source.DrawUntil = source.DrawUntil <= now ? null : source.DrawUntil;
            source.IsQuiet = source.IsEnded || source.QuietAt <= now;
        }
    }

    /// <summary>The next source in turn that may be asked, marked as asked.</summary>
    public bool TryAsk(TimeSpan now, out int id)
    {
        for (int i = 0; i < _sources.Count; i++)
        {
            int index = (_askCursor + i) % _sources.Count;
            Source source = _sources[index];
            if (!source.IsAsked && !source.IsEnded && !source.IsFull(getScore is not null) && source.RestUntil is null && source.Held < GetCap(source))
            {
                source.IsAsked = true;
                source.QuietAt ??= now + DialLimits.QuietSourceAfter;
                _askCursor = index + 1;
                id = source.Id;
                return true;
            }
        }

        id = 0;
        return false;
    }

    /// <summary>Ends the question that <see cref="TryAsk"/> began. False if the source was not asked.</summary>
    public bool TryEndQuestion(int id, out bool allowLan)
    {
        Source? source = _sources.Find(s => s.Id == id);
        allowLan = source?.AllowLan ?? false;
        if (source is not { IsAsked: true })
        {
            return false;
        }

        source.IsAsked = false;
        return true;
    }

    /// <summary>Keeps a source's candidate until a slot is free for it and, if two are drawn, the other has come or does not.</summary>
    public void Accept(int id, Node node, TimeSpan now)
    {
        Source source = _sources.Find(s => s.Id == id)!;
        if (source.Candidate is null)
        {
            source.Candidate = node;
            source.DrawUntil = getScore is null ? null : now + DialLimits.SecondDrawWait;
        }
        else
        {
            source.Second = node;
            source.DrawUntil = null;
        }

        source.RejectedInARow = 0;
        source.QuietAt = null;
        source.IsQuiet = false;
    }

    /// <summary>Counts a candidate that nobody may dial: a source that offers nothing else rests, so that it cannot keep the pump busy.</summary>
    public void Reject(int id, TimeSpan now)
    {
        Source source = _sources.Find(s => s.Id == id)!;
        if (++source.RejectedInARow == DialLimits.MaxRejectedInARow)
        {
            source.RejectedInARow = 0;
            source.RestUntil = now + DialLimits.SourceRest;
        }
    }

    /// <summary>Takes the candidate of the next source in turn that has one and is below its share, and counts it as held.</summary>
    /// <param name="isDialable">Asked once more, because the world may have changed since the offer; a candidate that fails is dropped.</param>
    /// <param name="node">The candidate.</param>
    /// <param name="source">Who offered it.</param>
    public bool TryTake(Func<Node, bool> isDialable, out Node? node, out (int Id, bool AllowLan) source)
    {
        for (int i = 0; i < _sources.Count; i++)
        {
            int index = (_takeCursor + i) % _sources.Count;
            Source candidate = _sources[index];
            if (candidate.DrawUntil is not null || candidate.Held >= GetCap(candidate))
            {
                continue;
            }

            while (candidate.TryTake(getScore) is { } taken)
            {
                if (isDialable(taken))
                {
                    candidate.Held++;
                    _takeCursor = index + 1;
                    (node, source) = (taken, (candidate.Id, candidate.AllowLan));
                    RemoveEnded(index);
                    return true;
                }
            }
        }

        for (int i = _sources.Count - 1; i >= 0; i--)
        {
            RemoveEnded(i);
        }

        (node, source) = (null, default);
        return false;
    }

    /// <summary>A dial of this source's candidate failed, or the peer that it became has gone.</summary>
    public void Release(int id)
    {
        if (_sources.Find(s => s.Id == id) is Source source)
        {
            source.Held--;
        }
    }

    /// <summary>What a source may hold: its share of the dialed side while there are others to keep room for, else everything.</summary>
    private int GetCap(Source source)
    {
        foreach (Source other in _sources)
        {
            if (other != source && !other.IsQuiet)
            {
                return GetShare(MaxDialedPeers);
            }
        }

        return int.MaxValue;
    }

    /// <summary>Half of <paramref name="maxDialedPeers"/>, rounded up.</summary>
    internal static int GetShare(int maxDialedPeers) =>
        (int)Math.Ceiling(maxDialedPeers * DialLimits.MaxSourceShare);

    private void RemoveEnded(int index)
    {
        if (_sources[index] is { IsEnded: true, Candidate: null })
        {
            RemoveAt(index);
        }
    }

    private void RemoveAt(int index)
    {
        _sources.RemoveAt(index);
        // The cursors keep pointing at the same neighbours.
        _askCursor -= index < _askCursor ? 1 : 0;
        _takeCursor -= index < _takeCursor ? 1 : 0;
    }

    private static TimeSpan? Min(TimeSpan? a, TimeSpan? b) => b is null || a <= b ? a : b;

    private sealed class Source(int id, bool allowLan)
    {
        public int Id => id;

        public bool AllowLan => allowLan;

        /// <summary>A question is open: at most one per source.</summary>
        public bool IsAsked { get; set; }

        /// <summary>A checked candidate that waits for a slot.</summary>
        public Node? Candidate { get; set; }

        /// <summary>The other one that was drawn; there is none without <see cref="Candidate"/>.</summary>
        public Node? Second { get; set; }

        /// <summary>Until when the candidate waits for the second.</summary>
        public TimeSpan? DrawUntil { get; set; }

        /// <summary>Nothing comes any more, but what there is waits for a slot.</summary>
        public bool IsEnded { get; set; }

        /// <summary>Active dials of this source's candidates and dialed peers that it found.</summary>
        public int Held { get; set; }

        public int RejectedInARow { get; set; }

        public TimeSpan? RestUntil { get; set; }

        /// <summary>When a source that is asked but offers nothing useful loses its claim to a share, until it does.</summary>
        public TimeSpan? QuietAt { get; set; }

        public bool IsQuiet { get; set; }

        public bool IsFull(bool drawsTwo) => (drawsTwo ? Second : Candidate) is not null;

        /// <summary>
        /// Takes the better of two candidates, the first if they are equal. The other is dialed next, without another draw, so that strangers
        /// keep half of the dials; unless it is known to be worse than a stranger: then it is dropped.
        /// </summary>
        public Node? TryTake(Func<NodeId, double>? getScore)
        {
            Node? taken = Candidate;
            (Candidate, Second) = (Second, null);
            if (taken is null || Candidate is null || getScore is null)
            {
                return taken;
            }

            double score = getScore(taken.Id), other = getScore(Candidate.Id);
            if (other > score)
            {
                (taken, Candidate) = (Candidate, taken);
            }

            if (Math.Min(score, other) < 0)
            {
                Candidate = null;
            }

            return taken;
        }
    }
}
