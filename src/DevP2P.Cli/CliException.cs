namespace DevP2P.Cli;

/// <summary>Something the person at the terminal can put right: printed as one plain line on stderr, exit code 1.</summary>
internal sealed class CliException(string message) : Exception(message);
