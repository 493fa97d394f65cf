using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace DevP2P.Hosting.Security;

/// <summary>Why a request is not served: the status and one line.</summary>
internal sealed record Refusal(int Status, string Reason);

/// <summary>
/// Which HTTP requests are served (T19). A web page that somebody on this machine looks at can send requests here: what gives it away is
/// <c>Origin</c>, or, when its own name was made to resolve to this machine, <c>Host</c>.
/// </summary>
internal sealed class AccessPolicy
{
    /// <summary>The browser's WebSocket cannot set headers: the token is a subprotocol that begins so.</summary>
    public const string TokenSubprotocol = "devp2p.token.";

    private const string BearerScheme = "Bearer ";

    private readonly HashSet<string> _hosts = new(["localhost", "127.0.0.1", "[::1]"], StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _origins;
    private readonly AdminToken? _token;

    /// <exception cref="P2PException">The token cannot be used.</exception>
    public AccessPolicy(AdminOptions options)
    {
        _token = AdminToken.FromOptions(options);
        _origins = new(options.Origins.Select(origin => origin.TrimEnd('/')), StringComparer.OrdinalIgnoreCase);
        foreach (string host in options.Hosts)
        {
            _hosts.Add(IPAddress.TryParse(host, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : host);
        }
    }

    /// <summary>Whether callers must show a token.</summary>
    public bool HasToken => _token is not null;

    /// <summary>Why the API must not listen at an address; null if it may.</summary>
    public static string? DescribeExposure(IPAddress address, bool hasToken) => hasToken || IPAddress.IsLoopback(address)
        ? null
        : $"the admin API would be open to the network at {address} without a token: listen on 127.0.0.1, or set a token";

    /// <summary>Judges a request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="needsToken">Whether it has to show the token, if there is one.</param>
    /// <returns>Null: it may be served.</returns>
    public Refusal? Check(HttpContext context, bool needsToken)
    {
        if (context.Connection.LocalIpAddress is { } local && DescribeExposure(local, HasToken) is { } exposure)
        {
            return new Refusal(StatusCodes.Status403Forbidden, exposure);
        }

        HttpRequest request = context.Request;
        if (!_hosts.Contains(request.Host.Host))
        {
            return new Refusal(StatusCodes.Status403Forbidden, "this Host is not served; --http-host names those that are");
        }

        if (request.Headers.Origin.Count > 0 && !IsAllowedOrigin(request))
        {
            return new Refusal(StatusCodes.Status403Forbidden, "pages of this Origin are not served; --http-origin names those that are");
        }

        return needsToken && _token is not null && !HasRightToken(request, _token)
            ? new Refusal(StatusCodes.Status401Unauthorized, "a token is needed: Authorization: Bearer TOKEN")
            : null;
    }

    /// <summary>The subprotocol that a WebSocket is accepted with: the first that is not the token, as the token need not come back.</summary>
    public static string? SelectSubprotocol(IList<string> offered) =>
        offered.FirstOrDefault(name => !name.StartsWith(TokenSubprotocol, StringComparison.Ordinal)) ?? offered.FirstOrDefault();

    private bool IsAllowedOrigin(HttpRequest request)
    {
        // Two of them are a trick; "null" is a page without an origin, such as a sandboxed frame or a file.
        if (request.Headers.Origin is not [{ } origin])
        {
            return false;
        }

        return origin.Equals($"{request.Scheme}://{request.Host.Value}", StringComparison.OrdinalIgnoreCase) || _origins.Contains(origin);
    }

    private static bool HasRightToken(HttpRequest request, AdminToken token)
    {
        if (request.Headers.Authorization is [{ } header] && header.StartsWith(BearerScheme, StringComparison.OrdinalIgnoreCase))
        {
            return token.Matches(header.AsSpan(BearerScheme.Length).Trim());
        }

        return request.HttpContext.WebSockets.WebSocketRequestedProtocols
            .Any(name => name.StartsWith(TokenSubprotocol, StringComparison.Ordinal) && token.Matches(name.AsSpan(TokenSubprotocol.Length)));
    }

    /// <summary>Answers a refusal with its status and its reason as plain text.</summary>
    public static Task RefuseAsync(HttpContext context, Refusal refusal)
    {
        HttpResponse response = context.Response;
        response.StatusCode = refusal.Status;
        response.ContentType = "text/plain; charset=utf-8";
        if (refusal.Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers[HeaderNames.WWWAuthenticate] = "Bearer";
        }

        return response.WriteAsync(refusal.Reason + "\n");
    }
}
