using DevP2P.Hosting.Security;

namespace DevP2P.HostingTests.Security;

internal static class Rates
{
    /// <summary>For tests that are not about rates.</summary>
    public static CallBucket Plenty => new(perSecond: 1, burst: int.MaxValue, TimeProvider.System);
}
