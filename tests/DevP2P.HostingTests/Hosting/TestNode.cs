using DevP2P.Crypto;
using DevP2P.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>Nodes in hosts, on loopback.</summary>
internal static class TestNode
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>The least that a section must have, for tests that set the rest.</summary>
    public static Dictionary<string, string?> Section(params (string Key, string? Value)[] more)
    {
        Dictionary<string, string?> values = new()
        {
            ["DevP2P:PrivateKey"] = PrivateKey.Generate().ExportHex(),
            ["DevP2P:ListenAddress"] = "127.0.0.1:0",
            ["DevP2P:Discovery"] = "false",
        };
        foreach ((string key, string? value) in more)
        {
            values[$"DevP2P:{key}"] = value;
        }

        return values;
    }

    /// <summary>A host whose node has its options from a configuration that can be changed.</summary>
    public static IHost Build(Dictionary<string, string?> values, LogLines? log = null, Action<IServiceCollection>? more = null)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(values);
        if (log is not null)
        {
            builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Trace);
        }

        builder.Services.AddDevP2P(builder.Configuration.GetSection("DevP2P"));
        more?.Invoke(builder.Services);
        return builder.Build();
    }

    public static async Task<IHost> StartAsync(Dictionary<string, string?> values, LogLines? log = null, Action<IServiceCollection>? more = null)
    {
        IHost host = Build(values, log, more);
        try
        {
            await host.StartAsync(TestContext.Current.CancellationToken);
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <summary>Another node, without a host.</summary>
    public static async Task<Server> StartServerAsync(params Protocol[] protocols)
    {
        var server = new Server(new ServerOptions
        {
            PrivateKey = PrivateKey.Generate(),
            ListenAddress = "127.0.0.1:0",
            NoDiscovery = true,
            Protocols = protocols.Length == 0 ? [Sink("sink")] : protocols,
        });
        await server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>A protocol that reads until the peer is gone.</summary>
    public static Protocol Sink(string name) => new()
    {
        Name = name,
        Version = 1,
        Length = 1,
        RunAsync = static async (_, stream, cancellation) =>
        {
            while (true)
            {
                (await stream.ReadAsync(cancellation)).Discard();
            }
        },
    };

    public static Server Server(this IHost host) => host.Services.GetRequiredService<Server>();

    /// <summary>Changes the configuration of a running node.</summary>
    public static void Change(this IHost host, params (string Key, string? Value)[] changes)
    {
        var root = (IConfigurationRoot)host.Services.GetRequiredService<IConfiguration>();
        foreach ((string key, string? value) in changes)
        {
            root[$"DevP2P:{key}"] = value;
        }

        root.Reload();
    }

    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        DateTime end = DateTime.UtcNow + Deadline;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < end, $"waited in vain until {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
