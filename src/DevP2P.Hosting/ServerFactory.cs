using DevP2P.Crypto;
using DevP2P.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DevP2P.Hosting;

/// <summary>Makes the server out of what is registered.</summary>
internal static class ServerFactory
{
    /// <exception cref="OptionsValidationException">An option cannot work; the message names its key.</exception>
    /// <exception cref="InvalidOperationException">The key file cannot be used.</exception>
    public static Server Create(IServiceProvider services)
    {
        var names = services.GetRequiredService<OptionNames>();
        var loggers = services.GetRequiredService<ILoggerFactory>();
        ILogger logger = loggers.CreateLogger(Log.Category);
        DevP2PHostOptions options = services.GetRequiredService<IOptions<DevP2PHostOptions>>().Value;
        foreach (string key in names.FindUnknown())
        {
            Log.UnknownKey(logger, key);
        }

        Protocol[] protocols = [.. services.GetServices<ProtocolSource>().Select(source => source.Make(services))];
        ServerOptions made = new ServerOptionsReader(options, names).Make(
            file => LoadOrCreateKey(file, names.Of(nameof(options.PrivateKeyFile)), logger),
            protocols, services.GetService<TimeProvider>() ?? TimeProvider.System, loggers);
        try
        {
            return new Server(made);
        }
        catch (ArgumentException e)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(DevP2PHostOptions), [names.Translate(e)]);
        }
    }

    /// <exception cref="InvalidOperationException">The file can neither be read nor made. The message never repeats its content.</exception>
    private static PrivateKey LoadOrCreateKey(string file, string option, ILogger logger)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
            (PrivateKey key, bool isNew) = NodeKeyFile.LoadOrCreate(file);
            if (isNew)
            {
                Log.KeyCreated(logger, file);
            }
            else if (NodeKeyFile.FindExposure(file) is not null)
            {
                Log.KeyExposed(logger, file);
            }

            return key;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new InvalidOperationException($"{option}: cannot use the key file {file}: {e.Message}", e);
        }
    }
}

/// <summary>Checks the texts of the options whenever these are made.</summary>
internal sealed class HostOptionsValidation(OptionNames names) : IValidateOptions<DevP2PHostOptions>
{
    public ValidateOptionsResult Validate(string? name, DevP2PHostOptions options) =>
        new ServerOptionsReader(options, names).Failures is { Count: > 0 } failures ? ValidateOptionsResult.Fail(failures) : ValidateOptionsResult.Success;
}
