using System.Globalization;
using DevP2P.Cli.Logging;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace DevP2P.Cli.Demo;

/// <summary>The live picture of the demo: a table of nodes, sums and rates, latency, and the latest events.</summary>
internal sealed class DemoView(DemoNetwork network, DemoOptions options, IAnsiConsole console)
{
    /// <summary>How often the picture is drawn: often enough to look alive, seldom enough to cost nothing.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private const int MaxEventLines = 10;

    /// <summary>Lines besides the nodes' and the events'.</summary>
    private const int FixedLines = 12;

    /// <summary>A terminal narrower than this does without the less telling columns.</summary>
    private const int FullWidth = 100;

    /// <summary>Rates are averages over this many pictures, two seconds, or they would flicker.</summary>
    private const int RateWindow = 8;

    private readonly Queue<(TimeSpan At, DemoTotals Totals)> _history = new();

    /// <summary>Draws until <paramref name="stop"/> is cancelled.</summary>
    public Task RunAsync(CancellationToken stop) =>
        console.Live(Render()).AutoClear(false).Overflow(VerticalOverflow.Crop).StartAsync(async context =>
        {
            while (!stop.IsCancellationRequested)
            {
                context.UpdateTarget(Render());
                await Task.Delay(Interval, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
            }

            context.UpdateTarget(Render());
        });

    private Rows Render()
    {
        DemoTotals totals = network.Totals();
        _history.Enqueue((network.Elapsed, totals));
        if (_history.Count > RateWindow)
        {
            _history.Dequeue();
        }

        return new Rows(RenderTotals(totals), RenderNodes(), RenderEvents(), new Markup(RenderFooter()));
    }

    private Panel RenderTotals(DemoTotals totals)
    {
        (TimeSpan at, DemoTotals before) = _history.Peek();
        double seconds = Math.Max((network.Elapsed - at).TotalSeconds, 0.001);
        Latencies latencies = totals.Latencies;
        var grid = new Grid();
        grid.AddColumns(4);
        grid.AddRow(
            Label("nodes", $"{totals.Connected} of {network.Nodes.Count}"),
            Label("links", $"{totals.Links}"),
            Label("published", $"{totals.Published}"),
            Label("delivered", $"{totals.Delivered}"));
        grid.AddRow(
            Label("sent", $"{(totals.Sent - before.Sent) / seconds:0}/s"),
            Label("delivered", $"{(totals.Delivered - before.Delivered) / seconds:0}/s"),
            Label("median latency", LogText.FormatDuration(latencies.Percentile(0.5))),
            Label("99%", LogText.FormatDuration(latencies.Percentile(0.99))));
        return new Panel(grid).Header($" devp2p demo  {network.Elapsed:mm\\:ss} ").Expand().BorderColor(Color.Grey);
    }

    private Table RenderNodes()
    {
        bool full = console.Profile.Width >= FullWidth;
        Table table = new Table().Expand().Border(TableBorder.Rounded).BorderColor(Color.Grey);
        table.AddColumn("node");
        if (full)
        {
            table.AddColumn("id");
        }

        foreach (string title in (ReadOnlySpan<string>)["port", "known", "peers", "published", "delivered", "copies", "median", "99%"])
        {
            if (full || title != "copies")
            {
                table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
            }
        }

        IReadOnlyCollection<DemoNode> connected = network.Reached();
        foreach (DemoNode node in network.Nodes)
        {
            table.AddRow(RenderNode(node, connected.Contains(node), full));
        }

        return table;
    }

    private static List<IRenderable> RenderNode(DemoNode node, bool isConnected, bool full)
    {
        string color = node.IsKilled ? "red" : isConnected ? "green" : "yellow";
        string port = node.IsKilled ? "killed" : node.Server?.ListenEndPoints is [{ } endPoint, ..] ? Invariant($"{endPoint.Port}") : "-";
        GossipProtocol gossip = node.Gossip;
        List<IRenderable> cells = [new Markup($"[{color}]{node.Name}[/]")];
        if (full)
        {
            cells.Add(new Text(node.Id.ToShortString()));
        }

        cells.Add(new Text(port));
        cells.Add(new Text(Invariant($"{node.Known}")));
        cells.Add(new Markup(Invariant($"[{color}]{gossip.Links}[/]")));
        cells.Add(new Text(Invariant($"{gossip.Published}")));
        cells.Add(new Text(Invariant($"{gossip.Delivered}")));
        if (full)
        {
            cells.Add(new Text(Invariant($"{gossip.Duplicates}")));
        }

        cells.Add(new Text(LogText.FormatDuration(gossip.Latencies.Percentile(0.5))));
        cells.Add(new Text(LogText.FormatDuration(gossip.Latencies.Percentile(0.99))));
        return cells;
    }

    private Panel RenderEvents()
    {
        int count = Math.Clamp(console.Profile.Height - FixedLines - network.Nodes.Count, 2, MaxEventLines);
        IReadOnlyList<string> events = network.LatestEvents(count);
        var lines = new List<IRenderable>(count);
        for (int i = 0; i < count; i++)
        {
            lines.Add(new Text(i < events.Count ? events[i] : " ").Overflow(Overflow.Ellipsis));
        }

        return new Panel(new Rows(lines)).Header(" events ").Expand().BorderColor(Color.Grey);
    }

    private string RenderFooter() => options.Duration is { } duration
        ? Invariant($"[grey]ends after {duration.TotalSeconds:0.#} s; q ends it now, k kills a node[/]")
        : "[grey]q or Ctrl-C ends it, k kills a node[/]";

    private static Markup Label(string label, FormattableString value) => Label(label, FormattableString.Invariant(value));

    private static Markup Label(string label, string value) => new($"[grey]{label}[/] {Markup.Escape(value)}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
