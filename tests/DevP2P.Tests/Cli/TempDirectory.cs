namespace DevP2P.Tests.Cli;

/// <summary>A directory of one test, gone with it.</summary>
internal sealed class TempDirectory : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("devp2p-test-");

    public string this[string name] => Path.Combine(_directory.FullName, name);

    public string Path_ => _directory.FullName;

    public void Dispose() => _directory.Delete(recursive: true);
}
