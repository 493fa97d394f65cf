using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace DevP2P.Hosting;

/// <summary>Registers a <see cref="Server"/> that starts and stops with the host, and its protocols.</summary>
public static class DevP2PServiceCollectionExtensions
{
    /// <summary>
    /// Registers the server: it starts with the host, stops with it, and <see cref="Server"/> can be asked for. A wrong option stops the start
    /// with an <see cref="OptionsValidationException"/>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddDevP2P(this IServiceCollection services, Action<DevP2PHostOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddSingleton(new OptionNames(null));
        return AddServer(services).Configure(configure);
    }

    /// <summary>
    /// As <see cref="AddDevP2P(IServiceCollection, Action{DevP2PHostOptions})"/>, with the options from a configuration, whose changes are followed
    /// while the server runs. Messages about options name the configuration's keys.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configuration">The options: a section, as <c>DevP2P</c> of appsettings.json, or all.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddDevP2P(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        services.Replace(ServiceDescriptor.Singleton(new OptionNames(configuration as IConfigurationSection)));
        return AddServer(services).Configure<DevP2PHostOptions>(configuration);
    }

    /// <summary>Registers a protocol whose handler is made for each peer, in a scope of the peer's own. Before or after <c>AddDevP2P</c>.</summary>
    /// <typeparam name="THandler">The handler; registered as a scoped service unless it is registered already.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="name">As <see cref="Protocol.Name"/>.</param>
    /// <param name="version">As <see cref="Protocol.Version"/>.</param>
    /// <param name="length">As <see cref="Protocol.Length"/>.</param>
    /// <param name="configure">Sets what else there is to say.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddDevP2PProtocol<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this IServiceCollection services, string name, uint version, ulong length, Action<DevP2PProtocolOptions>? configure = null)
        where THandler : class, IProtocolHandler
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);
        var options = new DevP2PProtocolOptions();
        configure?.Invoke(options);
        services.TryAddScoped<THandler>();
        services.TryAddSingleton<PeerScopes>();
        return services.AddSingleton<ProtocolSource>(new HandlerSource<THandler>(new Capability(name, version), length, options));
    }

    /// <summary>Registers a protocol that needs nothing of the services. Before or after <c>AddDevP2P</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="protocol">The protocol.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddDevP2PProtocol(this IServiceCollection services, Protocol protocol)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(protocol);
        return services.AddSingleton<ProtocolSource>(new FixedSource(protocol));
    }

    private static IServiceCollection AddServer(IServiceCollection services)
    {
        services.AddLogging();
        services.AddOptions();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DevP2PHostOptions>, HostOptionsValidation>());
        services.TryAddSingleton(ServerFactory.Create);
        services.TryAddSingleton<LiveOptions>();
        return services.AddHostedService<ServerHostedService>();
    }
}
