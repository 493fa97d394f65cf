using System.Globalization;
using DevP2P.Cli;
using DevP2P.Cli.Configuration;
using DevP2P.Crypto;
using Xunit;

namespace DevP2P.Tests.Cli;

public sealed class KeyFileTests : IDisposable
{
    private const UnixFileMode OwnerReadWrite = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TempDirectory _directory = new();

    private string KeyPath => _directory["nodekey"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_new_key_is_64_digits_that_only_its_owner_can_read()
    {
        (PrivateKey key, bool created) = KeyFile.LoadOrCreate(KeyPath);
        Assert.True(created);
        Assert.Equal(key.ExportHex(), File.ReadAllText(KeyPath));
        Assert.Matches("^[0-9a-f]{64}$", File.ReadAllText(KeyPath));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(OwnerReadWrite, File.GetUnixFileMode(KeyPath));
        }

        Assert.Null(KeyFile.DescribeExposure(KeyPath));
        Assert.Equal([KeyPath], Directory.GetFiles(_directory.Path_));
    }

    [Fact]
    public void The_second_start_reads_the_same_key()
    {
        (PrivateKey first, _) = KeyFile.LoadOrCreate(KeyPath);
        (PrivateKey second, bool created) = KeyFile.LoadOrCreate(KeyPath);
        Assert.False(created);
        Assert.Equal(first.ExportHex(), second.ExportHex());
    }

    [Fact]
    public void Directories_are_made_for_their_owner_only()
    {
        string path = Path.Combine(_directory.Path_, "a", "b", "nodekey");
        KeyFile.Create(path);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(OwnerReadWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
        }
    }

    [Fact]
    public void Nothing_is_ever_overwritten()
    {
        File.WriteAllText(KeyPath, "something else");
        Assert.Contains("exists", Assert.Throws<CliException>(() => KeyFile.Create(KeyPath)).Message, StringComparison.Ordinal);
        Assert.Equal("something else", File.ReadAllText(KeyPath));
    }

    [Fact]
    public async Task Starts_at_the_same_moment_agree_on_one_key()
    {
        Task<string>[] starts = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(() => KeyFile.LoadOrCreate(KeyPath).Key.ExportHex()))];
        string[] keys = await Task.WhenAll(starts);
        Assert.Single(keys.Distinct());
        Assert.Equal([KeyPath], Directory.GetFiles(_directory.Path_));
    }

    [Theory]
    [InlineData("0x0000000000000000000000000000000000000000000000000000000000000001\n")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000001")]
    [InlineData("  0000000000000000000000000000000000000000000000000000000000000001\r\n")]
    public void Geths_and_hand_written_files_are_read(string content)
    {
        File.WriteAllText(KeyPath, content);
        Assert.EndsWith("01", KeyFile.Load(KeyPath).ExportHex(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("deadbeef")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("zz00000000000000000000000000000000000000000000000000000000000001")]
    public void A_file_that_is_no_key_is_refused_and_not_repeated(string content)
    {
        File.WriteAllText(KeyPath, content);
        string message = Assert.Throws<CliException>(() => KeyFile.LoadOrCreate(KeyPath)).Message;
        Assert.StartsWith($"{KeyPath} is not a key file: ", message, StringComparison.Ordinal);
        Assert.True(content.Length == 0 || !message.Contains(content, StringComparison.Ordinal));
        Assert.Equal(content, File.ReadAllText(KeyPath));
    }

    [Fact]
    public void A_huge_file_is_refused_without_reading_it()
    {
        File.WriteAllBytes(KeyPath, new byte[100_000]);
        Assert.Contains("not a key file", Assert.Throws<CliException>(() => KeyFile.Load(KeyPath)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_readable_key_is_worth_a_warning()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        KeyFile.Create(KeyPath);
        File.SetUnixFileMode(KeyPath, OwnerReadWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        Assert.Equal($"other users can read the node's key (mode 644): chmod 600 {KeyPath}", KeyFile.DescribeExposure(KeyPath));
    }

    [Fact]
    public void Rotation_keeps_the_old_key_beside_the_new_one()
    {
        string before = KeyFile.Create(KeyPath).ExportHex();
        var now = DateTimeOffset.Parse("2026-03-04T05:06:07.089Z", CultureInfo.InvariantCulture);
        (PrivateKey key, string old) = KeyFile.Rotate(KeyPath, now);
        Assert.Equal(KeyPath + ".20260304T050607.089Z", old);
        Assert.Equal(before, File.ReadAllText(old));
        Assert.Equal(key.ExportHex(), File.ReadAllText(KeyPath));
        Assert.NotEqual(before, key.ExportHex());
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(OwnerReadWrite, File.GetUnixFileMode(KeyPath));
            Assert.Equal(OwnerReadWrite, File.GetUnixFileMode(old));
        }
    }

    [Fact]
    public void A_rotation_that_cannot_keep_the_old_key_changes_nothing()
    {
        string before = KeyFile.Create(KeyPath).ExportHex();
        DateTimeOffset now = DateTimeOffset.UnixEpoch;
        File.WriteAllText(KeyPath + ".19700101T000000.000Z", "in the way");
        Assert.Throws<CliException>(() => KeyFile.Rotate(KeyPath, now));
        Assert.Equal(before, File.ReadAllText(KeyPath));
        Assert.Equal(2, Directory.GetFiles(_directory.Path_).Length);
    }

    [Fact]
    public void There_is_nothing_to_rotate_without_a_key() =>
        Assert.Contains("there is no key file", Assert.Throws<CliException>(() => KeyFile.Rotate(KeyPath, DateTimeOffset.UnixEpoch)).Message, StringComparison.Ordinal);
}
