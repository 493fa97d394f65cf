namespace DevP2P.Diagnostics;

/// <summary>What listeners subscribe to: <c>AddMeter(DevP2PDiagnostics.MeterName)</c>, <c>AddSource(DevP2PDiagnostics.ActivitySourceName)</c>.</summary>
public static partial class DevP2PDiagnostics
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "DevP2P";

    /// <summary>The name of the activity source.</summary>
    public const string ActivitySourceName = "DevP2P";
}
