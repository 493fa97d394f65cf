using DevP2P.Hosting.Health;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace DevP2P.Hosting;

/// <summary>Health checks of the node, and where they are asked.</summary>
public static class DevP2PHealthExtensions
{
    /// <summary>The tag of checks that tell whether the process must be restarted.</summary>
    public const string LiveTag = "live";

    /// <summary>The tag of checks that tell whether the node can do its work now.</summary>
    public const string ReadyTag = "ready";

    /// <summary>
    /// Adds two checks of the <see cref="Server"/>: "devp2p-live", whether its loop answers, and "devp2p-ready", whether it listens, its discovery is
    /// up, and it has at least <see cref="DevP2PHealthOptions.MinPeers"/> peers.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>For checks of the application's own; with <see cref="LiveTag"/> or <see cref="ReadyTag"/> they are part of what <see cref="MapDevP2PHealth"/> serves.</returns>
    public static IHealthChecksBuilder AddDevP2PHealthChecks(this IServiceCollection services, Action<DevP2PHealthOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<DevP2PHealthOptions>();
        if (configure is not null)
        {
            services.Configure(configure);
        }

        return services.AddHealthChecks()
            .Add(new HealthCheckRegistration(
                "devp2p-live", static provider => new LiveCheck(provider.GetRequiredService<Server>()), HealthStatus.Unhealthy, [LiveTag]))
            .Add(new HealthCheckRegistration(
                "devp2p-ready", static provider => ActivatorUtilities.CreateInstance<ReadyCheck>(provider), HealthStatus.Unhealthy, [ReadyTag]));
    }

    /// <summary>
    /// Serves the checks as JSON: <c>/health/live</c> and <c>/health/ready</c>, with status 200 if all is well and 503 if not.
    /// </summary>
    /// <param name="endpoints">The routes.</param>
    /// <param name="prefix">What the paths begin with.</param>
    /// <returns>Both routes, for conventions such as <c>RequireHost</c>.</returns>
    public static RouteGroupBuilder MapDevP2PHealth(this IEndpointRouteBuilder endpoints, string prefix = "/health")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        RouteGroupBuilder group = endpoints.MapGroup(prefix);
        Map("/live", LiveTag);
        Map("/ready", ReadyTag);
        return group;

        void Map(string path, string tag) => group.MapHealthChecks(path, new HealthCheckOptions
        {
            Predicate = check => check.Tags.Contains(tag),
            ResponseWriter = HealthJson.WriteAsync,
        });
    }
}
