using System.Net;
using DevP2P.Crypto;
using Microsoft.Data.Sqlite;

namespace DevP2P.Nodes;

/// <summary>
/// Rows of the node database's tables, through prepared statements. Times are milliseconds since 1970, sequence numbers the
/// signed integer of the same 64 bits.
/// </summary>
internal sealed partial class NodeDatabaseTables : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly List<SqliteCommand> _commands = [];
    private readonly SqliteCommand _putNode;
    private readonly SqliteCommand _putContact;
    private readonly SqliteCommand _deleteNode;
    private readonly SqliteCommand _deleteContacts;
    private readonly SqliteCommand _putLocal;
    private readonly SqliteCommand _putMeta;
    private readonly SqliteCommand _deleteMeta;
    private readonly SqliteCommand _putBan;
    private readonly SqliteCommand _deleteBan;
    private readonly SqliteCommand _putStanding;
    private readonly SqliteCommand _deleteStanding;

    /// <exception cref="SqliteException">The tables are not those of the current schema.</exception>
    public NodeDatabaseTables(SqliteConnection connection)
    {
        _connection = connection;
        _putNode = Prepare(
            """
            INSERT OR REPLACE INTO node(
                id, public_key, address, tcp_port, udp_port, sequence, record, first_seen, useful_at, useful_score)
            VALUES($0, $1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            10);
        _putContact = Prepare(
            "INSERT INTO contact(node_id, address, ping_sent, ping_received, pong, find_failures) VALUES($0, $1, $2, $3, $4, $5)", 6);
        _deleteNode = Prepare("DELETE FROM node WHERE id = $0", 1);
        _deleteContacts = Prepare("DELETE FROM contact WHERE node_id = $0", 1);
        _putLocal = Prepare("INSERT OR REPLACE INTO local(id, sequence, record) VALUES($0, $1, $2)", 3);
        _putMeta = Prepare("INSERT OR REPLACE INTO meta(key, value) VALUES($0, $1)", 2);
        _deleteMeta = Prepare("DELETE FROM meta WHERE key = $0", 1);
        _putBan = Prepare("INSERT OR REPLACE INTO ban(id, since, until, reason, automatic) VALUES($0, $1, $2, $3, $4)", 5);
        _deleteBan = Prepare("DELETE FROM ban WHERE id = $0", 1);
        _putStanding = Prepare("INSERT OR REPLACE INTO standing(id, score, at, bans) VALUES($0, $1, $2, $3)", 4);
        _deleteStanding = Prepare("DELETE FROM standing WHERE id = $0", 1);
    }

    public void Dispose() => _commands.ForEach(static command => command.Dispose());

    /// <summary>Reads everything.</summary>
    /// <param name="contents">Where to.</param>
    /// <param name="now">
    /// The time. What claims to be of the future is from when the clock was wrong: such a pong counts as 24 hours old, which
    /// makes the node a seed, but proves nothing.
    /// </param>
    public void Load(NodeDatabaseContents contents, DateTimeOffset now)
    {
        LoadNodes(contents, now);
        LoadContacts(contents, now);
        LoadBans(contents);
        LoadStandings(contents, now);
        using (SqliteCommand command = new("SELECT id, sequence, record FROM local", _connection))
        using (SqliteDataReader reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                contents.Local[new NodeId(reader.GetFieldValue<byte[]>(0))] =
                    new NodeDatabaseLocal(unchecked((ulong)reader.GetInt64(1)), reader.GetFieldValue<byte[]>(2));
            }
        }

        using (SqliteCommand command = new("SELECT key, value FROM meta", _connection))
        using (SqliteDataReader reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                contents.Meta[reader.GetString(0)] = reader.GetFieldValue<byte[]>(1);
            }
        }
    }

    /// <summary>Writes a batch; the transaction is the caller's.</summary>
    public void Write(in NodeDatabaseBatch batch)
    {
        foreach (KeyValuePair<NodeId, NodeDatabaseLocal> local in batch.Local)
        {
            Run(_putLocal, local.Key.ToArray(), unchecked((long)local.Value.Sequence), local.Value.Record.ToArray());
        }

        foreach (KeyValuePair<string, byte[]?> meta in batch.Meta)
        {
            if (meta.Value is null)
            {
                Run(_deleteMeta, meta.Key);
            }
            else
            {
                Run(_putMeta, meta.Key, meta.Value);
            }
        }

        if (batch.Rewrite)
        {
            Clear("DELETE FROM node; DELETE FROM contact");
        }

        foreach (KeyValuePair<NodeId, NodeDatabaseEntry?> node in batch.Nodes)
        {
            WriteNode(node.Key.ToArray(), node.Value);
        }

        WriteBans(batch.Bans);
        WriteStandings(batch.Standings);
    }

    private void WriteNode(byte[] id, NodeDatabaseEntry? entry)
    {
        Run(_deleteContacts, id);
        if (entry is null)
        {
            Run(_deleteNode, id);
            return;
        }

        Run(
            _putNode,
            id,
            entry.Node?.PublicKey.Bytes.ToArray(),
            entry.Node?.Address?.GetAddressBytes(),
            (long)(entry.Node?.TcpPort ?? 0),
            (long)(entry.Node?.UdpPort ?? 0),
            unchecked((long)entry.Sequence),
            entry.Record.IsEmpty ? null : entry.Record.ToArray(),
            entry.FirstSeen.ToUnixTimeMilliseconds(),
            entry.UsefulAt?.ToUnixTimeMilliseconds(),
            entry.UsefulScore);
        foreach (NodeDatabaseContact contact in entry.Contacts)
        {
            Run(
                _putContact,
                id,
                contact.Address.GetAddressBytes(),
                contact.LastPingSent?.ToUnixTimeMilliseconds(),
                contact.LastPingReceived?.ToUnixTimeMilliseconds(),
                contact.LastPong?.ToUnixTimeMilliseconds(),
                (long)contact.FindFailures);
        }
    }

    private void LoadNodes(NodeDatabaseContents contents, DateTimeOffset now)
    {
        using SqliteCommand command = new(
            "SELECT id, public_key, address, tcp_port, udp_port, sequence, record, first_seen, useful_at, useful_score FROM node", _connection);
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            NodeId id = new(reader.GetFieldValue<byte[]>(0));
            Node? node = null;
            if (!reader.IsDBNull(1))
            {
                long tcpPort = reader.GetInt64(3);
                long udpPort = reader.GetInt64(4);
                // T08: a key is checked wherever it arrives.
                if (!PublicKey.TryParse(reader.GetFieldValue<byte[]>(1), out PublicKey? key)
                    || key.NodeId != id || (ulong)tcpPort > ushort.MaxValue || (ulong)udpPort > ushort.MaxValue)
                {
                    contents.Skipped++;
                    continue;
                }

                node = Node.Create(key, reader.IsDBNull(2) ? null : new IPAddress(reader.GetFieldValue<byte[]>(2)), (int)tcpPort, (int)udpPort);
            }

            contents.Nodes[id] = new NodeDatabaseEntry(id, ReadTime(reader, 7, now, now) ?? now)
            {
                Node = node,
                Sequence = unchecked((ulong)reader.GetInt64(5)),
                Record = reader.IsDBNull(6) ? default : reader.GetFieldValue<byte[]>(6),
                UsefulAt = ReadTime(reader, 8, now, now),
                UsefulScore = Math.Max(0, reader.GetInt64(9)),
                Network = node?.Address is { } address ? NodeDatabaseEntry.NetworkOf(address) : 0,
            };
        }
    }

    private void LoadContacts(NodeDatabaseContents contents, DateTimeOffset now)
    {
        using SqliteCommand command = new(
            "SELECT node_id, address, ping_sent, ping_received, pong, find_failures FROM contact", _connection);
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            byte[] id = reader.GetFieldValue<byte[]>(0);
            if (id.Length != NodeId.Size || !contents.Nodes.TryGetValue(new NodeId(id), out NodeDatabaseEntry? entry))
            {
                contents.Skipped++;
                continue;
            }

            NodeDatabaseContact contact = new(
                new IPAddress(reader.GetFieldValue<byte[]>(1)),
                ReadTime(reader, 2, now, now),
                ReadTime(reader, 3, now, now - NodeDatabase.NodeExpiration),
                ReadTime(reader, 4, now, now - NodeDatabase.NodeExpiration),
                (int)Math.Clamp(reader.GetInt64(5), 0, int.MaxValue));
            contents.Nodes[entry.Id] = entry with
            {
                Contacts = entry.Contacts.Add(contact),
                Network = entry.Node is null && entry.Contacts.IsEmpty ? NodeDatabaseEntry.NetworkOf(contact.Address) : entry.Network,
            };
        }
    }

    private static DateTimeOffset? ReadTime(SqliteDataReader reader, int column, DateTimeOffset now, DateTimeOffset insteadOfFuture)
    {
        if (reader.IsDBNull(column))
        {
            return null;
        }

        long value = Math.Max(0, reader.GetInt64(column));
        return DateTimeOffset.FromUnixTimeMilliseconds(
            value <= now.ToUnixTimeMilliseconds() ? value : insteadOfFuture.ToUnixTimeMilliseconds());
    }

    private void Clear(string sql)
    {
        using SqliteCommand command = new(sql, _connection);
        command.ExecuteNonQuery();
    }

    private SqliteCommand Prepare(string sql, int parameters)
    {
        SqliteCommand command = new(sql, _connection);
        _commands.Add(command);
        for (int i = 0; i < parameters; i++)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = "$" + (char)('0' + i) });
        }

        command.Prepare();
        return command;
    }

    private static void Run(SqliteCommand command, params ReadOnlySpan<object?> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }

        command.ExecuteNonQuery();
    }
}
