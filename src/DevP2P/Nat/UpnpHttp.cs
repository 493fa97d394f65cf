using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>
/// HTTP to a device of the local network, at the address that it answered from, and nowhere else. No proxy, no redirection, no
/// cookies; bounded in size and time.
/// </summary>
/// <param name="timeout">How long a request with its answer may take.</param>
/// <param name="time">For that.</param>
internal sealed class UpnpHttp(TimeSpan timeout, TimeProvider time)
{
    private const int MaxHeaderKilobytes = 16;

    /// <summary>Fetches a description.</summary>
    /// <exception cref="NatException">There is no answer, or it is none.</exception>
    public async Task<byte[]> GetAsync(IPAddress from, Uri url, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        (HttpStatusCode status, byte[] body) = await SendAsync(from, request, cancellationToken).ConfigureAwait(false);
        return status == HttpStatusCode.OK ? body : throw UnexpectedStatus(url, status);
    }

    /// <summary>Calls an action.</summary>
    /// <returns>The answer, which may be an error.</returns>
    /// <exception cref="NatException">There is no answer, or it is none.</exception>
    public async Task<SoapMessage> CallAsync(IPAddress from, UpnpService service, string action, byte[] call, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, service.ControlUrl) { Content = new ByteArrayContent(call) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("text/xml", "utf-8");
        request.Headers.TryAddWithoutValidation("SOAPAction", $"\"{service.Type}#{action}\"");
        (HttpStatusCode status, byte[] body) = await SendAsync(from, request, cancellationToken).ConfigureAwait(false);
        // Errors come with status 500.
        if (status is not (HttpStatusCode.OK or HttpStatusCode.InternalServerError))
        {
            throw UnexpectedStatus(service.ControlUrl, status);
        }

        return SoapMessage.TryParse(body, out SoapMessage? answer)
            ? answer
            : throw new NatException(NatError.Malformed, $"the gateway {service.ControlUrl.Host} answers {action} with what is no SOAP");
    }

    private static NatException UnexpectedStatus(Uri url, HttpStatusCode status) =>
        new(NatError.Malformed, $"the gateway {url.Host} answers with the HTTP status {(int)status}");

    private async Task<(HttpStatusCode Status, byte[] Body)> SendAsync(IPAddress from, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        string host = request.RequestUri!.Host;
        using var limit = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        using HttpClient client = CreateClient(from);
        // Some devices get confused by a second request on a connection.
        request.Headers.ConnectionClose = true;
        try
        {
            using HttpResponseMessage response =
                await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            return (response.StatusCode, await ReadBodyAsync(response.Content, host, either.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new NatException(NatError.Timeout, $"the gateway {host} takes too long to answer", e);
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConnectionError)
        {
            throw new NatException(NatError.Timeout, $"the gateway {host} cannot be reached: {SoapMessage.ToPrintable(e.Message)}", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            // Its message may quote what the device sent.
            throw new NatException(NatError.Malformed, $"the gateway {host} does not answer as it should: {SoapMessage.ToPrintable(e.Message)}", e);
        }
    }

    /// <summary>A client for one request: those are rare, and nothing should be left of them.</summary>
    private HttpClient CreateClient(IPAddress from) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        MaxResponseHeadersLength = MaxHeaderKilobytes,
        MaxResponseDrainSize = 0,
        ConnectTimeout = timeout,
        ActivityHeadersPropagator = null,
        ConnectCallback = (context, cancellationToken) => ConnectAsync(from, context.DnsEndPoint, cancellationToken),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private static async ValueTask<Stream> ConnectAsync(IPAddress from, DnsEndPoint host, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // Gateways compare where a request comes from with the address it wants a port for.
            socket.Bind(new IPEndPoint(from, 0));
            // Never a name: UpnpService.IsAt.
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(host.Host), host.Port), cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<byte[]> ReadBodyAsync(HttpContent content, string host, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength > UpnpXml.MaxSize)
        {
            throw TooLong(host);
        }

        using Stream stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        byte[] buffer = new byte[4096];
        int length = 0;
        while (true)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return buffer[..length];
            }

            length += read;
            if (length > UpnpXml.MaxSize)
            {
                throw TooLong(host);
            }

            if (length == buffer.Length)
            {
                Array.Resize(ref buffer, 2 * length);
            }
        }
    }

    private static NatException TooLong(string host) =>
        new(NatError.Malformed, $"the gateway {host} sends more than {UpnpXml.MaxSize} bytes");
}
