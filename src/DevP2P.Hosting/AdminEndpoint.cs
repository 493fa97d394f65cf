using DevP2P.Hosting.Rpc;
using DevP2P.Hosting.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace DevP2P.Hosting;

/// <summary>
/// The admin JSON-RPC of a node over HTTP and WebSocket, with geth's <c>admin</c>, <c>net</c> and <c>rpc</c> namespaces and more
/// (docs/admin-api.md). Whoever can call it can change what the node does: see <see cref="AdminOptions"/> for who may.
/// </summary>
public static class AdminEndpoint
{
    /// <summary>Adds the admin API for the <see cref="Server"/> that is among the services.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Who may call, and more.</param>
    public static IServiceCollection AddDevP2PAdmin(this IServiceCollection services, Action<AdminOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<AdminOptions>();
        if (configure is not null)
        {
            services.Configure(configure);
        }

        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(provider => new AccessPolicy(provider.GetRequiredService<IOptions<AdminOptions>>().Value));
        services.TryAddSingleton(provider => new RpcEndpoint(
            provider.GetRequiredService<Server>(),
            provider.GetRequiredService<IOptions<AdminOptions>>().Value,
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance,
            provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => new HttpTransport(
            provider.GetRequiredService<RpcEndpoint>(), provider.GetRequiredService<AccessPolicy>(), provider.GetService<IHostApplicationLifetime>()));
        services.AddHostedService<AdminGuard>();
        return services;
    }

    /// <summary>
    /// Serves the admin API at <c>/</c>: JSON-RPC by POST, and WebSockets; a browser that only looks is sent on to <c>/dashboard/</c>.
    /// The OpenRPC document is at <c>/openrpc.json</c>.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <returns>For more conventions on both endpoints.</returns>
    public static IEndpointConventionBuilder MapDevP2PAdmin(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        RouteGroupBuilder group = endpoints.MapGroup("");
        IApplicationBuilder pipeline = endpoints.CreateApplicationBuilder();
        pipeline.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.FromSeconds(30), KeepAliveTimeout = TimeSpan.FromSeconds(30) });
        pipeline.Run(HandleAsync);
        group.Map("/", pipeline.Build());
        group.MapGet("/openrpc.json", HandleOpenRpcAsync).RequireDevP2PAccess(token: false);
        return group;
    }

    /// <summary>
    /// Lets requests to these endpoints in on the terms of the admin API: <c>Host</c> and <c>Origin</c> are checked, and the token, if there is
    /// one. For what belongs beside it: metrics, health, pages.
    /// </summary>
    /// <param name="builder">The endpoints.</param>
    /// <param name="token">Whether the token is needed.</param>
    public static TBuilder RequireDevP2PAccess<TBuilder>(this TBuilder builder, bool token = true)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Finally(endpoint =>
        {
            RequestDelegate serve = endpoint.RequestDelegate!;
            endpoint.RequestDelegate = context =>
                context.RequestServices.GetRequiredService<HttpTransport>().Check(context, token) is { } refusal
                    ? AccessPolicy.RefuseAsync(context, refusal)
                    : serve(context);
        });
        return builder;
    }

    private static Task HandleAsync(HttpContext context)
    {
        if (HttpMethods.IsGet(context.Request.Method) && !context.WebSockets.IsWebSocketRequest)
        {
            context.Response.Redirect("/dashboard/");
            return Task.CompletedTask;
        }

        return context.RequestServices.GetRequiredService<HttpTransport>().HandleAsync(context);
    }

    private static async Task HandleOpenRpcAsync(HttpContext context)
    {
        RpcEndpoint endpoint = context.RequestServices.GetRequiredService<RpcEndpoint>();
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(OpenRpcDocument.Create(endpoint.Methods).ToJsonString(), context.RequestAborted);
    }
}
