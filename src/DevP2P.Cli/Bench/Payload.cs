using System.Text;

namespace DevP2P.Cli.Bench;

/// <summary>What messages say: it decides how much snappy has to do.</summary>
internal enum PayloadKind
{
    /// <summary>Bytes that cannot be compressed.</summary>
    Random,

    /// <summary>Half of them zeros, as in most of what nodes exchange.</summary>
    Half,

    /// <summary>Text in JSON.</summary>
    Text,
}

/// <summary>Makes payloads.</summary>
internal static class Payload
{
    public static byte[] Create(PayloadKind kind, int size)
    {
        byte[] payload = new byte[size];
        switch (kind)
        {
            case PayloadKind.Random:
                Random.Shared.NextBytes(payload);
                break;
            case PayloadKind.Half:
                for (int i = 0; i < size; i += 64)
                {
                    Random.Shared.NextBytes(payload.AsSpan(i, Math.Min(32, size - i)));
                }

                break;
            default:
                var text = new StringBuilder();
                for (int i = 0; text.Length < size; i++)
                {
                    text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{{\"number\":{i},\"value\":{Random.Shared.Next()},\"kind\":\"transaction\"}},");
                }

                Encoding.ASCII.GetBytes(text.ToString().AsSpan(0, size), payload);
                break;
        }

        return payload;
    }
}
