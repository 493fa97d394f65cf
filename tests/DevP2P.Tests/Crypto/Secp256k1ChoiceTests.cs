using DevP2P.Crypto;
using Xunit;

namespace DevP2P.Tests.Crypto;

public class Secp256k1ChoiceTests
{
    [Fact]
    public void The_native_library_is_used_where_it_is_installed()
    {
        Assert.Same(Secp256k1.TryLoadNative() ?? Secp256k1.Managed, Secp256k1.Choose(null));
        Assert.Same(Secp256k1.TryLoadNative() ?? Secp256k1.Managed, Secp256k1.Choose(""));
        Assert.StartsWith(Secp256k1.TryLoadNative() is null ? "BouncyCastle" : "libsecp256k1 (", Secp256k1.Choose(null).Name, StringComparison.Ordinal);
    }

    [Fact]
    public void The_managed_implementation_can_be_forced()
    {
        Assert.Same(Secp256k1.Managed, Secp256k1.Choose("managed"));
        Assert.Equal("BouncyCastle (managed)", Secp256k1.Managed.Name);
    }

    [Fact]
    public void The_native_library_can_be_demanded()
    {
        if (Secp256k1.TryLoadNative() is { } native)
        {
            Assert.Same(native, Secp256k1.Choose("native"));
        }
        else
        {
            Assert.Contains("libsecp256k1", Assert.Throws<PlatformNotSupportedException>(() => Secp256k1.Choose("native")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_unknown_choice_is_refused_with_what_would_be_right() =>
        Assert.Contains("'native', 'managed'", Assert.Throws<PlatformNotSupportedException>(() => Secp256k1.Choose("fast")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_library_that_lacks_the_exports_is_not_taken()
    {
        // One that is certainly loadable, and certainly not libsecp256k1.
        string present = OperatingSystem.IsWindows() ? "kernel32.dll" : OperatingSystem.IsMacOS() ? "libSystem.B.dylib" : "libc.so.6";
        Assert.False(Secp256k1Library.TryLoadComplete(present, out nint handle));
        Assert.Equal(0, handle);
        Assert.False(Secp256k1Library.TryLoadComplete("libnosuchlibrary.so.1", out _));
    }

    [Fact]
    public void Every_soname_is_tried_the_newest_first()
    {
        string[] names = [.. Secp256k1Library.CandidateNames()];
        Assert.Equal(names.Distinct(), names);
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(
                ["libsecp256k1.so.6", "libsecp256k1.so.5", "libsecp256k1.so.4", "libsecp256k1.so.3", "libsecp256k1.so.2", "libsecp256k1.so.1", "libsecp256k1.so.0", "libsecp256k1.so"],
                names);
        }
    }
}
