using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace DevP2P.Hosting;

/// <summary>
/// The dashboard: a page that shows a node and lets an operator act on it, through the admin API that is served beside it
/// (docs/dashboard.md).
/// </summary>
public static class DashboardEndpoint
{
    /// <summary>The browser loads nothing but these files, runs no script but theirs, and talks to nobody but this server.</summary>
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    private static readonly string[] s_methods = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>
    /// Serves the dashboard at <c>/dashboard/</c>. Its files are the same for every node and hold no secret; what it shows comes from the
    /// admin API at <c>/</c>, on that one's terms.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <returns>For more conventions.</returns>
    public static IEndpointConventionBuilder MapDevP2PDashboard(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        RouteGroupBuilder group = endpoints.MapGroup("/dashboard");
        group.MapMethods("/qr.svg", s_methods, ServeQrCodeAsync);
        group.MapMethods("/{**path}", s_methods, ServeFileAsync);
        return group;
    }

    private static Task ServeFileAsync(HttpContext context)
    {
        string path = context.GetRouteValue("path") as string ?? "";
        if (path.Length == 0 && context.Request.Path.Value is [.., not '/'])
        {
            // The page's own links are relative to the folder.
            context.Response.Redirect(context.Request.PathBase + context.Request.Path + "/");
            return Task.CompletedTask;
        }

        if (DashboardFiles.Find(path.Length == 0 ? "index.html" : path) is not { } file)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        SetHeaders(context.Response);
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers.ETag = file.ETag;
        if (IsKnown(context.Request, file.ETag))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        return WriteAsync(context, file.ContentType, file.Content);
    }

    /// <summary>Draws the text that the page asks for. It tells nothing that was not in the request, so it needs no token.</summary>
    private static Task ServeQrCodeAsync(HttpContext context)
    {
        string text = context.Request.Query["text"].ToString();
        if (text.Length is 0 or > QrImage.MaxText)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        }

        SetHeaders(context.Response);
        context.Response.Headers.CacheControl = "no-store";
        return WriteAsync(context, "image/svg+xml", QrImage.Draw(text));
    }

    private static void SetHeaders(HttpResponse response)
    {
        IHeaderDictionary headers = response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }

    private static bool IsKnown(HttpRequest request, string etag) =>
        request.Headers.IfNoneMatch.Count > 0
        && EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch.ToArray()!, out IList<EntityTagHeaderValue>? tags)
        && tags.Any(tag => tag.Tag == "*" || tag.Tag == etag);

    private static Task WriteAsync(HttpContext context, string contentType, ReadOnlyMemory<byte> content)
    {
        context.Response.ContentType = contentType;
        context.Response.ContentLength = content.Length;
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : context.Response.Body.WriteAsync(content, context.RequestAborted).AsTask();
    }
}
