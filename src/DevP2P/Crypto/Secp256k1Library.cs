using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DevP2P.Crypto;

/// <summary>Finds libsecp256k1 and declares what is used of it (secp256k1.h, secp256k1_ecdh.h, secp256k1_recovery.h).</summary>
/// <remarks>
/// .NET allows one import resolver per assembly, and this is it: whoever binds another library that the loader does not
/// find by itself extends <see cref="Resolve"/>.
/// </remarks>
internal static unsafe partial class Secp256k1Library
{
    private const string Library = "secp256k1";

    /// <summary>The number of the newest soname; none so far changed the functions used here.</summary>
    private const int NewestSoname = 6;

    // The hash function's export is asked for because, before it existed, secp256k1_ecdh always hashed and took no callback.
    private static readonly string[] RequiredExports =
    [
        "secp256k1_context_create", "secp256k1_context_set_illegal_callback", "secp256k1_context_randomize",
        "secp256k1_ec_seckey_verify", "secp256k1_ec_pubkey_create", "secp256k1_ec_pubkey_parse", "secp256k1_ec_pubkey_serialize",
        "secp256k1_ecdsa_signature_parse_compact", "secp256k1_ecdsa_verify",
        "secp256k1_ecdh", "secp256k1_ecdh_hash_function_default",
        "secp256k1_ecdsa_recoverable_signature_parse_compact", "secp256k1_ecdsa_recoverable_signature_serialize_compact",
        "secp256k1_ecdsa_sign_recoverable", "secp256k1_ecdsa_recover",
    ];

    private static nint s_handle;

    /// <summary>Loads the library once per process; only after a true may anything else here be called.</summary>
    public static bool TryLoad([NotNullWhen(true)] out string? name)
    {
        foreach (string candidate in CandidateNames())
        {
            if (TryLoadComplete(candidate, out s_handle))
            {
                NativeLibrary.SetDllImportResolver(typeof(Secp256k1Library).Assembly, Resolve);
                name = candidate;
                return true;
            }
        }

        name = null;
        return false;
    }

    /// <summary>The library's names on this system, the newest first.</summary>
    internal static IEnumerable<string> CandidateNames()
    {
        IEnumerable<int> sonames = Enumerable.Range(0, NewestSoname + 1).Reverse();
        if (OperatingSystem.IsWindows())
        {
            return sonames.Select(n => $"libsecp256k1-{n}.dll").Append("secp256k1.dll").Append("libsecp256k1.dll");
        }

        if (OperatingSystem.IsMacOS())
        {
            // Homebrew's directory on Apple silicon is not on the loader's search path.
            return sonames.Select(n => $"libsecp256k1.{n}.dylib").Append("libsecp256k1.dylib")
                .SelectMany(file => (string[])[file, $"/opt/homebrew/lib/{file}", $"/usr/local/lib/{file}"]);
        }

        return sonames.Select(n => $"libsecp256k1.so.{n}").Append("libsecp256k1.so");
    }

    /// <summary>Loads a library if it exports all that is needed: its ECDH and recovery modules are optional when it is built.</summary>
    internal static bool TryLoadComplete(string candidate, out nint handle)
    {
        if (!NativeLibrary.TryLoad(candidate, typeof(Secp256k1Library).Assembly, null, out nint loaded))
        {
            handle = 0;
            return false;
        }

        if (!RequiredExports.All(export => NativeLibrary.TryGetExport(loaded, export, out _)))
        {
            NativeLibrary.Free(loaded);
            handle = 0;
            return false;
        }

        handle = loaded;
        return true;
    }

    private static nint Resolve(string libraryName, Assembly assembly, DllImportSearchPath? searchPath) =>
        libraryName == Library ? s_handle : 0;

    [LibraryImport(Library, EntryPoint = "secp256k1_context_create")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial nint ContextCreate(uint flags);

    [LibraryImport(Library, EntryPoint = "secp256k1_context_set_illegal_callback")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial void SetIllegalCallback(nint context, delegate* unmanaged[Cdecl]<byte*, void*, void> callback, void* data);

    [LibraryImport(Library, EntryPoint = "secp256k1_context_randomize")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int ContextRandomize(nint context, ReadOnlySpan<byte> seed32);

    [LibraryImport(Library, EntryPoint = "secp256k1_ec_seckey_verify")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int SecretKeyVerify(nint context, ReadOnlySpan<byte> secretKey);

    [LibraryImport(Library, EntryPoint = "secp256k1_ec_pubkey_create")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int PublicKeyCreate(nint context, Span<byte> key, ReadOnlySpan<byte> secretKey);

    [LibraryImport(Library, EntryPoint = "secp256k1_ec_pubkey_parse")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int PublicKeyParse(nint context, Span<byte> key, ReadOnlySpan<byte> input, nuint inputLength);

    [LibraryImport(Library, EntryPoint = "secp256k1_ec_pubkey_serialize")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int PublicKeySerialize(nint context, Span<byte> output, ref nuint outputLength, ReadOnlySpan<byte> key, uint flags);

    [LibraryImport(Library, EntryPoint = "secp256k1_ecdh")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Ecdh(
        nint context, Span<byte> output, ReadOnlySpan<byte> key, ReadOnlySpan<byte> secretKey,
        delegate* unmanaged[Cdecl]<byte*, byte*, byte*, void*, int> hashFunction, void* data);

    [LibraryImport(Library, EntryPoint = "secp256k1_ecdsa_signature_parse_compact")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int ParseSignature(nint context, Span<byte> signature, ReadOnlySpan<byte> input64);

    [LibraryImport(Library, EntryPoint = "secp256k1_ecdsa_verify")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Verify(nint context, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> hash32, ReadOnlySpan<byte> key);

    [LibraryImport(Library, EntryPoint = "secp256k1_ecdsa_sign_recoverable")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int SignRecoverable(
        nint context, Span<byte> signature, ReadOnlySpan<byte> hash32, ReadOnlySpan<byte> secretKey, void* nonceFunction, void* nonceData);

    [LibraryImport(Library, EntryPoint = "secp256k1_ecdsa_recoverable_signature_serialize_compact")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int SerializeRecoverable(nint context, Span<byte> output64, out int recoveryId, ReadOnlySpan<byte> signature);

    [LibraryImport(Library, EntryPoint = "secp256k1_ecdsa_recoverable_signature_parse_compact")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int ParseRecoverable(nint context, Span<byte> signature, ReadOnlySpan<byte> input64, int recoveryId);

    [LibraryImport(Library, EntryPoint = "secp256k1_ecdsa_recover")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Recover(nint context, Span<byte> key, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> hash32);
}
