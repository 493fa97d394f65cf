using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace DevP2P.Cli.Attach;

/// <summary>The live picture of a node: what it is, its peers, and the latest events.</summary>
internal sealed class TopView(RpcClient client, IAnsiConsole console)
{
    private const int MaxEventLines = 10;

    /// <summary>Lines besides the peers' and the events'.</summary>
    private const int FixedLines = 11;

    private const int KeyPollMs = 100;

    /// <summary>A terminal narrower than this does with the first <see cref="NarrowColumns"/>.</summary>
    private const int FullWidth = 110;

    private const int NarrowColumns = 4;

    private static readonly (string Title, int? Width)[] s_columns =
        [("id", 12), ("address", 21), ("how", 23), ("for", 7), ("speaks", 16), ("client", null)];

    private readonly Queue<string> _events = new();
    private JsonElement _status;
    private JsonElement _peers;

    /// <summary>Draws until q, Ctrl-C, the given number of pictures or the end of the connection.</summary>
    public async Task RunAsync(TimeSpan pause, int limit, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task watching = WatchEventsAsync(end);
        Task keys = WatchKeysAsync(end);
        await AskAsync(end.Token);
        await console.Live(Render()).AutoClear(false).Overflow(VerticalOverflow.Crop).StartAsync(async context =>
        {
            while (!end.IsCancellationRequested)
            {
                context.UpdateTarget(Render());
                if (--limit == 0)
                {
                    break;
                }

                await Task.Delay(pause, end.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
                await AskAsync(end.Token);
            }
        });
        await end.CancelAsync();
        await watching;
        await keys;
    }

    private async Task AskAsync(CancellationToken end)
    {
        try
        {
            _status = await client.CallAsync("devp2p_status", end);
            _peers = await client.CallAsync("devp2p_peers", end);
        }
        catch (OperationCanceledException)
        {
            // The last picture stays.
        }
    }

    private async Task WatchEventsAsync(CancellationTokenSource end)
    {
        try
        {
            await foreach (JsonElement e in client.Events.WithCancellation(end.Token))
            {
                lock (_events)
                {
                    _events.Enqueue(AttachText.Event(e));
                    if (_events.Count > MaxEventLines)
                    {
                        _events.Dequeue();
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private static async Task WatchKeysAsync(CancellationTokenSource end)
    {
        while (!Console.IsInputRedirected && !end.IsCancellationRequested)
        {
            while (Console.KeyAvailable)
            {
                if (char.ToLowerInvariant(Console.ReadKey(intercept: true).KeyChar) == 'q')
                {
                    await end.CancelAsync();
                }
            }

            await Task.Delay(KeyPollMs, end.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    private Rows Render() => new(RenderStatus(), RenderPeers(), RenderEvents(), new Markup("[grey]q or Ctrl-C ends it[/]"));

    private Panel RenderStatus()
    {
        JsonElement peers = _status.GetProperty("peers");
        JsonElement counters = _status.GetProperty("counters");
        var grid = new Grid();
        grid.AddColumns(4);
        grid.AddRow(
            Label("peers", $"{Number(peers, "total")} of {Number(peers, "max")}"),
            Label("inbound", Number(peers, "inbound")),
            Label("outbound", Number(peers, "outbound")),
            Label("static, trusted", $"{Number(peers, "static")}, {Number(peers, "trusted")}"));
        grid.AddRow(
            Label("accepted", Number(counters, "accepted")),
            Label("dialed", Number(counters, "dialed")),
            Label("refused", Sum(counters.GetProperty("refused"))),
            Label("dropped", Sum(counters.GetProperty("dropped"))));
        string name = Markup.Escape(AttachText.Text(_status.GetProperty("node"), "name"));
        return new Panel(grid).Header($" {name}  {AttachText.Age(_status.GetProperty("uptimeSeconds").GetDouble())} ").Expand().BorderColor(Color.Grey);
    }

    private Table RenderPeers()
    {
        Table table = new Table().Expand().Border(TableBorder.Rounded).BorderColor(Color.Grey);
        bool full = console.Profile.Width >= FullWidth;
        foreach ((string title, int? width) in s_columns.Take(full ? s_columns.Length : NarrowColumns))
        {
            table.AddColumn(new TableColumn(title) { Width = width }.NoWrap());
        }

        int room = Math.Max(1, console.Profile.Height - FixedLines - MaxEventLines);
        foreach (JsonElement peer in _peers.EnumerateArray().Take(room))
        {
            Text[] cells =
            [
                Cell(AttachText.Short(AttachText.Text(peer, "id"), digits: 12)),
                Cell(AttachText.Text(peer.GetProperty("network"), "remoteAddress")),
                Cell(AttachText.Flags(peer)),
                Cell(AttachText.Age(peer.GetProperty("connectedSeconds").GetDouble())),
                Cell(AttachText.Capabilities(peer)),
                Cell(AttachText.Text(peer, "name")),
            ];
            table.AddRow(cells.Take(table.Columns.Count));
        }

        int left = _peers.GetArrayLength() - room;
        return left > 0 ? table.Caption(string.Create(CultureInfo.InvariantCulture, $"and {left} more")) : table;
    }

    private Panel RenderEvents()
    {
        string[] events;
        lock (_events)
        {
            events = [.. _events];
        }

        var lines = new List<IRenderable>(MaxEventLines);
        for (int i = 0; i < MaxEventLines; i++)
        {
            lines.Add(new Text(i < events.Length ? events[i] : " ").Overflow(Overflow.Ellipsis));
        }

        return new Panel(new Rows(lines)).Header(" events ").Expand().BorderColor(Color.Grey);
    }

    /// <summary>One line of a table, whatever the terminal's width.</summary>
    private static Text Cell(string text) => new Text(text).Overflow(Overflow.Ellipsis);

    private static string Number(JsonElement value, string name) => AttachText.Text(value, name);

    private static string Sum(JsonElement counts) =>
        counts.EnumerateObject().Sum(count => count.Value.GetInt64()).ToString(CultureInfo.InvariantCulture);

    private static Markup Label(string label, string value) => new($"[grey]{label}[/] {Markup.Escape(value)}");
}
