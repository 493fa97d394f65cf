using DevP2P.Cli;

ServerCollector.RestartFor(args);
return await CommandLine.RunAsync(args);
