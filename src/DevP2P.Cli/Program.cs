using DevP2P.Cli;

return await CommandLine.RunAsync(args);
