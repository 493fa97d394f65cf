using DevP2P.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace DevP2P.Hosting;

/// <summary>Where the node's metrics and traces go.</summary>
public static class DevP2PTelemetryExtensions
{
    /// <summary>
    /// Collects the node's metrics for <see cref="MapDevP2PMetrics"/>. Other meters are added as everywhere:
    /// <c>services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter("System.Runtime"))</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddDevP2PMetrics(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOpenTelemetry()
            .ConfigureResource(SetResource)
            .WithMetrics(static metrics => metrics.AddMeter(DevP2PDiagnostics.MeterName).AddPrometheusExporter());
        return services;
    }

    /// <summary>
    /// Sends metrics and traces of the node by OTLP. Where to, how and how often is said by the standard variables
    /// (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, <c>OTEL_EXPORTER_OTLP_PROTOCOL</c>, <c>OTEL_EXPORTER_OTLP_HEADERS</c>, <c>OTEL_METRIC_EXPORT_INTERVAL</c>,
    /// <c>OTEL_SERVICE_NAME</c>, ...), in the environment or in the application's configuration.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddDevP2PTelemetry(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOpenTelemetry()
            .ConfigureResource(SetResource)
            .WithMetrics(static metrics => metrics.AddMeter(DevP2PDiagnostics.MeterName).AddOtlpExporter())
            .WithTracing(static traces => traces.AddSource(DevP2PDiagnostics.ActivitySourceName).AddOtlpExporter());
        return services;
    }

    /// <summary>Serves the metrics for Prometheus. Needs <see cref="AddDevP2PMetrics"/>.</summary>
    /// <param name="endpoints">The routes.</param>
    /// <param name="path">The path.</param>
    /// <returns>The route, for conventions such as <c>RequireHost</c>.</returns>
    public static IEndpointConventionBuilder MapDevP2PMetrics(this IEndpointRouteBuilder endpoints, string path = "/metrics")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        return endpoints.MapPrometheusScrapingEndpoint(path);
    }

    /// <summary>The service is called devp2p unless the environment has another name.</summary>
    private static void SetResource(ResourceBuilder resource) => resource.AddService("devp2p").AddEnvironmentVariableDetector();
}
