using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace DevP2P.Hosting.Health;

/// <summary>Whether the server's loop, through which all of its decisions go, answers. If it does not, only a restart helps.</summary>
internal sealed class LiveCheck(Server server) : IHealthCheck
{
    /// <summary>The loop never waits for anything; on a busy machine it may be late.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await server.GetStaticNodesAsync().WaitAsync(Timeout, cancellationToken).ConfigureAwait(false);
            return HealthCheckResult.Healthy("The server answers.");
        }
        catch (TimeoutException)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, $"The server has not answered for {Timeout.TotalSeconds:0} s, or has not been started.");
        }
        catch (InvalidOperationException e)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, e.Message);
        }
    }
}
