using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <content>Liveness checks.</content>
internal sealed partial class NodeTable
{
    /// <summary>Lets time pass: the liveness checks that are due become outputs.</summary>
    public void HandleTimeout(Timestamp now)
    {
        BeginCheck(now, _revalidation.Fast);
        BeginCheck(now, _revalidation.Slow);
    }

    /// <summary>
    /// The node has answered. It counts as live, and is checked less often from now on. If it has announced a newer record, the
    /// owner may fetch that first and hand it in here, or call this at once and <see cref="AddFound"/> later.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="check">What <see cref="TryDequeue"/> gave.</param>
    /// <param name="newer">The node's newer record, if it was fetched. A new endpoint in it is checked soon.</param>
    public void CheckPassed(Timestamp now, LivenessCheck check, Node? newer = null)
    {
        TableEntry entry = check.Entry;
        if (!EndCheck(check))
        {
            return;
        }

        entry.LivenessChecks++;
        (Bucket bucket, int index) = MarkLive(entry.Node);
        if (newer is not null && newer.Id == entry.Node.Id)
        {
            Update(
                now,
                bucket,
                index,
                newer,
                new Source(check.Node.Address, IsOperatorNamed: false, IsNodeItself: false));
        }

        // Otherwise it has just moved, and is in the fast list.
        if (entry.IsLive)
        {
            Revalidation.Move(now.Monotonic, entry, _revalidation.Slow);
        }
    }

    /// <summary>A node of the table counts as live from now on.</summary>
    /// <returns>Where it is.</returns>
    internal (Bucket Bucket, int Index) MarkLive(Node node)
    {
        Bucket bucket = _buckets[GetBucketIndex(node.Id)]!;
        int index = bucket.IndexOf(node.Id);
        bucket.Update(index, bucket.GetNode(index), isLive: true);
        return (bucket, index);
    }

    /// <summary>The node has not answered in time. It is dropped, or checked more often if it has often answered before.</summary>
    /// <param name="now">The time.</param>
    /// <param name="check">What <see cref="TryDequeue"/> gave.</param>
    public void CheckFailed(Timestamp now, LivenessCheck check)
    {
        TableEntry entry = check.Entry;
        if (!EndCheck(check))
        {
            return;
        }

        entry.LivenessChecks /= FailedCheckDivisor;
        if (entry.LivenessChecks == 0)
        {
            Remove(now, entry.Node.Id);
        }
        else
        {
            Revalidation.Move(now.Monotonic, entry, _revalidation.Fast);
        }
    }

    private void BeginCheck(Timestamp now, RevalidationList list)
    {
        if (_revalidation.TryBegin(now.Monotonic, list) is { } entry)
        {
            _outputs.Enqueue(new TableOutput(TableOutputKind.Check, entry, entry.Node));
        }
    }

    /// <summary>Whether the outcome says something: the entry may have been removed or have moved meanwhile.</summary>
    private bool EndCheck(LivenessCheck check) =>
        _revalidation.End(check.Node.Id) && check.Entry.IsInBucket && IsSameEndPoint(check.Entry.Node, check.Node);
}
