using System.Reflection;
using DevP2P.Tests.Docs;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DevP2P.Tests.Diagnostics;

public sealed class LogEventTests
{
    [Fact]
    public void Every_log_message_of_the_library_has_an_event_id_of_its_own()
    {
        (string Name, int Id)[] events =
        [
            .. typeof(Server).Assembly.GetTypes()
                .SelectMany(static type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
                .Select(static method => (method.Name, method.GetCustomAttribute<LoggerMessageAttribute>()))
                .Where(static pair => pair.Item2 is not null)
                .Select(static pair => (pair.Name, pair.Item2!.EventId)),
        ];

        Assert.True(events.Length > 40, $"only {events.Length} messages were found");
        Assert.All(events, static e => Assert.True(e.Id > 0, e.Name));
        Report.None("ids are used twice", events.GroupBy(static e => e.Id).Where(static g => g.Count() > 1).Select(static g => $"{g.Key}: {string.Join(", ", g.Select(static e => e.Name))}"));
    }
}
