using Microsoft.Data.Sqlite;

namespace DevP2P.Nodes;

/// <content>The tables of bans and standings.</content>
internal sealed partial class NodeDatabaseTables
{
    private void WriteBans(in NodeDatabaseRowsBatch<NodeDatabaseBan> batch)
    {
        if (batch.Rewrite)
        {
            Clear("DELETE FROM ban");
        }

        foreach (KeyValuePair<NodeId, NodeDatabaseBan?> row in batch.Rows)
        {
            if (row.Value is { } ban)
            {
                Run(
                    _putBan,
                    row.Key.ToArray(),
                    ban.Since.ToUnixTimeMilliseconds(),
                    ban.Until?.ToUnixTimeMilliseconds(),
                    ban.Reason,
                    ban.IsAutomatic ? 1L : 0L);
            }
            else
            {
                Run(_deleteBan, row.Key.ToArray());
            }
        }
    }

    private void WriteStandings(in NodeDatabaseRowsBatch<NodeDatabaseStanding> batch)
    {
        if (batch.Rewrite)
        {
            Clear("DELETE FROM standing");
        }

        foreach (KeyValuePair<NodeId, NodeDatabaseStanding?> row in batch.Rows)
        {
            if (row.Value is { } standing)
            {
                Run(_putStanding, row.Key.ToArray(), standing.Score, standing.At.ToUnixTimeMilliseconds(), (long)standing.Bans);
            }
            else
            {
                Run(_deleteStanding, row.Key.ToArray());
            }
        }
    }

    /// <summary>The bound is the table's, too: a file that has more is not from here.</summary>
    private void LoadBans(NodeDatabaseContents contents)
    {
        using SqliteCommand command = new("SELECT id, since, until, reason, automatic FROM ban", _connection);
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            DateTimeOffset? since = ToTime(reader.GetInt64(1));
            DateTimeOffset? until = reader.IsDBNull(2) ? null : ToTime(reader.GetInt64(2));
            if (since is null || (until is null && !reader.IsDBNull(2)) || contents.Bans.Count == NodeDatabase.MaxBans)
            {
                contents.Skipped++;
                continue;
            }

            contents.Bans[new NodeId(reader.GetFieldValue<byte[]>(0))] =
                new NodeDatabaseBan(since.Value, until, reader.GetString(3), reader.GetInt64(4) != 0);
        }
    }

    /// <summary>A standing of the future is from when the clock was wrong: it counts as of now.</summary>
    private void LoadStandings(NodeDatabaseContents contents, DateTimeOffset now)
    {
        using SqliteCommand command = new("SELECT id, score, at, bans FROM standing", _connection);
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            double score = reader.GetDouble(1);
            if (!double.IsFinite(score) || contents.Standings.Count == NodeDatabase.MaxStandings)
            {
                contents.Skipped++;
                continue;
            }

            contents.Standings[new NodeId(reader.GetFieldValue<byte[]>(0))] = new NodeDatabaseStanding(
                score, ReadTime(reader, 2, now, now)!.Value, (int)Math.Clamp(reader.GetInt64(3), 0, int.MaxValue));
        }
    }

    private static DateTimeOffset? ToTime(long milliseconds) =>
        milliseconds >= 0 && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : null;
}
