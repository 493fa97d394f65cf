using System.Net.WebSockets;
using DevP2P.Hosting.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Net.Http.Headers;

namespace DevP2P.Hosting.Rpc;

/// <summary>JSON-RPC by HTTP: POST for one request each, and the upgrade to a WebSocket.</summary>
internal sealed class HttpTransport(RpcEndpoint endpoint, AccessPolicy policy, IHostApplicationLifetime? lifetime)
{
    private static readonly string[] s_contentTypes = ["application/json", "application/json-rpc", "application/jsonrequest"];

    /// <summary>Whether a request may be served; a refusal is logged, and counts like a call, so that guessing at tokens is bounded.</summary>
    /// <param name="context">The request.</param>
    /// <param name="needsToken">Whether it has to show the token, if there is one.</param>
    public Refusal? Check(HttpContext context, bool needsToken)
    {
        Refusal? refusal = endpoint.RemoteRates.Get(context.Connection.RemoteIpAddress).IsEmpty
            ? new Refusal(StatusCodes.Status429TooManyRequests, "too many calls, try again later")
            : policy.Check(context, needsToken);
        if (refusal is not null)
        {
            Count(context, refusal);
        }

        return refusal;
    }

    /// <summary>Serves what comes at the API's path.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        // A browser asks without the token whether it may send it.
        bool isPreflight = HttpMethods.IsOptions(context.Request.Method);
        if (Check(context, needsToken: !isPreflight) is { } refusal)
        {
            await AccessPolicy.RefuseAsync(context, refusal);
            return;
        }

        AllowOrigin(context);
        if (isPreflight)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        else if (context.WebSockets.IsWebSocketRequest)
        {
            await HandleWebSocketAsync(context, NameOf(context));
        }
        else if (HttpMethods.IsPost(context.Request.Method))
        {
            await HandlePostAsync(context);
        }
        else
        {
            context.Response.Headers.Allow = "POST";
            await RefuseAsync(context, new Refusal(StatusCodes.Status405MethodNotAllowed, "POST is needed, or a WebSocket"));
        }
    }

    /// <summary>The page has been found to be allowed; its browser has to be told.</summary>
    private static void AllowOrigin(HttpContext context)
    {
        if (context.Request.Headers.Origin is [{ } origin])
        {
            IHeaderDictionary headers = context.Response.Headers;
            headers.AccessControlAllowOrigin = origin;
            headers.Vary = HeaderNames.Origin;
            headers.AccessControlAllowMethods = "POST";
            headers.AccessControlAllowHeaders = "authorization, content-type";
            headers.AccessControlMaxAge = "600";
        }
    }

    private async Task HandlePostAsync(HttpContext context)
    {
        HttpRequest request = context.Request;

        // Other types can be sent by any page without asking first.
        string type = request.ContentType?.Split(';')[0].Trim() ?? "";
        if (!s_contentTypes.Contains(type, StringComparer.OrdinalIgnoreCase))
        {
            await RefuseAsync(context, new Refusal(StatusCodes.Status415UnsupportedMediaType, "invalid content type, only application/json is supported"));
            return;
        }

        var caller = new RpcCaller(NameOf(context), endpoint.RemoteRates.Get(context.Connection.RemoteIpAddress), subscriptions: null);
        using RpcBuffer body = endpoint.CreateRequest();
        using RpcBuffer response = endpoint.CreateResponse();
        try
        {
            if (!await TryReadAsync(context, body))
            {
                await RefuseAsync(context, new Refusal(
                    StatusCodes.Status413PayloadTooLarge, $"a request has at most {RpcLimits.MaxRequestBytes} bytes"));
                return;
            }

            await endpoint.Dispatcher.DispatchAsync(body.Written, caller, response, context.RequestAborted);
        }
        catch (RpcException e)
        {
            await RefuseAsync(context, new Refusal(StatusCodes.Status503ServiceUnavailable, e.Message));
            return;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // Nobody is there any more, or sends too slowly to be waited for.
            return;
        }

        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.ContentLength = response.Length;
        await context.Response.Body.WriteAsync(response.Written, context.RequestAborted);
    }

    /// <summary>Reads the whole body; false if it is too long.</summary>
    private static async Task<bool> TryReadAsync(HttpContext context, RpcBuffer body)
    {
        // Then a length that is too great is refused before anything is read.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = RpcLimits.MaxRequestBytes;
        }

        try
        {
            while (await context.Request.Body.ReadAsync(body.GetMemory(), context.RequestAborted) is > 0 and var count)
            {
                body.Advance(count);
                if (body.Length > RpcLimits.MaxRequestBytes)
                {
                    return false;
                }
            }
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return false;
        }

        return true;
    }

    private async Task HandleWebSocketAsync(HttpContext context, string caller)
    {
        if (!endpoint.TryOpen(caller))
        {
            await AccessPolicy.RefuseAsync(context, new Refusal(StatusCodes.Status503ServiceUnavailable, "too many connections"));
            return;
        }

        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(AccessPolicy.SelectSubprotocol(context.WebSockets.WebSocketRequestedProtocols));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime?.ApplicationStopping ?? CancellationToken.None);
        await new WebSocketTransport(endpoint, socket, caller).RunAsync(stop.Token);
    }

    private static string NameOf(HttpContext context) =>
        $"{(context.WebSockets.IsWebSocketRequest ? "ws" : "http")} {context.Connection.RemoteIpAddress}:{context.Connection.RemotePort}";

    private void Count(HttpContext context, Refusal refusal)
    {
        endpoint.RemoteRates.Get(context.Connection.RemoteIpAddress).TryTake();
        endpoint.LogRefused(NameOf(context), refusal.Reason);
    }

    private Task RefuseAsync(HttpContext context, Refusal refusal)
    {
        Count(context, refusal);
        return AccessPolicy.RefuseAsync(context, refusal);
    }
}
