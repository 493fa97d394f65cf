using DevP2P.Rlp;

namespace DevP2P;

/// <summary>Sending, expecting and decoding messages whose payload is RLP.</summary>
public static class MessageExtensions
{
    /// <summary>Sends a message whose payload is the encoding of one object, which should be a list.</summary>
    /// <remarks>Go: <c>p2p.Send</c>. Errors are those of <see cref="IMessageWriter.WriteAsync"/>.</remarks>
    public static ValueTask SendAsync(
        this IMessageWriter writer, ulong code, IRlpSerializable content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(content);
        return writer.WriteAsync(code, RlpEncoding.Encode(content), cancellationToken);
    }

    /// <summary>
    /// Sends a message whose payload is a list of the items: <c>SendItemsAsync(w, code, e1, e2)</c> sends [e1, e2]. Items may be
    /// what <see cref="RlpWriter.WriteItem"/> takes: integers, strings, bytes, <see cref="IRlpSerializable"/>, lists of those.
    /// </summary>
    /// <exception cref="ArgumentException">An item is of a type that has no RLP form.</exception>
    /// <remarks>Go: <c>p2p.SendItems</c>.</remarks>
    public static ValueTask SendItemsAsync(this IMessageWriter writer, ulong code, params object?[] items)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(items);
        return writer.WriteAsync(code, RlpEncoding.Encode(items));
    }

    /// <summary>Reads a message and checks it, for tests.</summary>
    /// <param name="reader">Where to read.</param>
    /// <param name="code">The code that it must have.</param>
    /// <param name="content">What its payload must be the encoding of; null discards the payload unseen.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ProtocolViolationException">Code, size or content is another; the message shows both.</exception>
    /// <remarks>Go: <c>p2p.ExpectMsg</c>.</remarks>
    public static async Task ExpectAsync(
        this IMessageReader reader, ulong code, object? content = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reader);
        Message message = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (message.Code != code)
        {
            throw new ProtocolViolationException($"message code mismatch: got {message.Code}, expected {code}");
        }

        if (content is null)
        {
            message.Discard();
            return;
        }

        byte[] expected = RlpEncoding.Encode(content);
        if (message.Size != expected.Length)
        {
            throw new ProtocolViolationException($"message size mismatch: got {message.Size}, want {expected.Length}");
        }

        if (!message.Payload.Span.SequenceEqual(expected))
        {
            throw new ProtocolViolationException(
                $"message payload mismatch: got {Convert.ToHexStringLower(message.Payload.Span)}, want {Convert.ToHexStringLower(expected)}");
        }
    }
}
