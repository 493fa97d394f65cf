namespace DevP2P.Cli.Demo;

/// <summary>What the demo does.</summary>
internal sealed record DemoOptions
{
    /// <summary>How long to run once all nodes are connected; null: until it is stopped.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>How many nodes.</summary>
    public int Nodes { get; init; } = 10;

    /// <summary>Messages that each node publishes in a second.</summary>
    public double Rate { get; init; } = 5;

    /// <summary>For tests of the check itself: this node dies at half time, or after ten seconds.</summary>
    public int? Kill { get; init; }

    /// <summary>How long the nodes may take to find each other before that counts as failed.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the last messages may take to reach everyone.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
