namespace DevP2P.Diagnostics;

/// <summary>How an instrument's numbers go.</summary>
internal enum InstrumentKind
{
    /// <summary>Only up.</summary>
    Counter,

    /// <summary>Up and down; sums of it mean something.</summary>
    UpDownCounter,

    /// <summary>Single values.</summary>
    Histogram,
}

/// <summary>One instrument.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">How its numbers go.</param>
/// <param name="Unit">In UCUM, as OpenTelemetry has it.</param>
/// <param name="Description">What it counts.</param>
/// <param name="Tags">The keys of its tags.</param>
/// <param name="Read">Its numbers at one server, with the tags' values in the order of the keys. Null: recorded, not read.</param>
/// <param name="ReadProcess">The number of the process, where it is not one of servers.</param>
internal sealed record InstrumentInfo(
    string Name, InstrumentKind Kind, string Unit, string Description, string[] Tags, Func<Server, IEnumerable<Reading>>? Read,
    Func<long>? ReadProcess = null);

/// <summary>A number and what it is of.</summary>
internal readonly record struct Reading(long Value, params string[] Tags);
