using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Console.Runs;
using Ampora.Console.Sources;
using Ampora.Database;
using Ampora.Store;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Page;

/// <summary>
/// One page for people: sources, and the latest runs. Who opens it logs in with an API token; the session's cookie names the token, which is looked up for each
/// request, so that a deleted one ends its sessions.
/// </summary>
internal static class HomePage
{
    private const string SessionCookie = "ampora_session";
    private const string FormCookie = "ampora_form";
    private const string FormField = "form";
    private const int NonceLength = 32;
    private const int MaxFormBytes = 16 * 1024;
    private const int MaxSources = 200;
    private const int MaxRuns = 50;

    // Runs of sources that the viewer may not see are among them; looking further back would have no end.
    private const int MaxEvents = 500;

    // A working day.
    private static readonly TimeSpan SessionLifetime = TimeSpan.FromHours(12);
    private static readonly TimeSpan FormLifetime = TimeSpan.FromHours(12);

    public static void MapHomePage(this IEndpointRouteBuilder app)
    {
        var page = app.MapGroup("").AddEndpointFilter<RefusalFilter>().ExcludeFromDescription();
        page.MapGet("/", ShowAsync);
        page.MapPost("/login", LoginAsync);
        page.MapPost("/logout", LogoutAsync);
    }

    private static async Task<IResult> ShowAsync(
        HttpContext http, SealedText seal, ApiTokenDirectory tokens, Database<StoreContext> database, PublicAddress address, CancellationToken cancellationToken)
    {
        var tokenId = seal.Open("session", http.Request.Cookies[SessionCookie]);
        var token = tokenId is null ? null : await tokens.FindByIdAsync(tokenId, cancellationToken);
        if (token is null)
            return ShowLogin(http, seal, address, 200, null);

        var scope = TokenScope.Of(token);
        await using var context = database.Read();
        var sources = await SourceReader.ReadAsync(context, scope.Apply(context.Sources).OrderBy(s => s.Id).Take(MaxSources + 1), cancellationToken);
        var visible = scope.Apply(context.Sources);
        var runIds = await context.Events
            .Where(e => e.RunId != null)
            .OrderByDescending(e => e.Sequence)
            .Take(MaxEvents)
            .Where(e => visible.Any(s => s.Id == e.SourceId))
            .OrderByDescending(e => e.Sequence)
            .Select(e => e.RunId!)
            .Take(MaxRuns)
            .ToListAsync(cancellationToken);
        var runs = await context.Runs.AsNoTracking().Where(r => runIds.Contains(r.Id)).OrderByDescending(r => r.Sequence).ToListAsync(cancellationToken);

        return PageFrame.Show(http.Response, 200, Html.Of($"""
            <form class="out" method="post" action="logout">{FormToken(http, seal, address)}<button>Log out {token.Name}</button></form>
            <h1>Ampora</h1>
            <h2>Sources</h2>{ShowSources(sources)}
            <h2>Latest runs</h2>{ShowRuns([.. runs.Select(r => RunView.Of(r, []))])}
            """));
    }

    private static async Task<IResult> LoginAsync(
        HttpContext http, SealedText seal, ApiTokenDirectory tokens, RefusalLedger refusals, PublicAddress address, CancellationToken cancellationToken)
    {
        if (await ReadFormAsync(http, seal, cancellationToken) is not { } form)
            return ShowLogin(http, seal, address, 400, "The form was too old or not ours; try again.");
        var (token, reason) = await tokens.FindAsync(form["token"].ToString().Trim(), cancellationToken);
        if (token is null)
        {
            refusals.Count(RemoteAddress.Of(http), reason);
            return ShowLogin(http, seal, address, 401, "This is no valid API token.");
        }

        http.Response.Cookies.Append(SessionCookie, seal.Seal("session", token.Id, SessionLifetime), CookieOf(http, address, SessionLifetime));
        return SeeOther(http);
    }

    private static async Task<IResult> LogoutAsync(HttpContext http, SealedText seal, PublicAddress address, CancellationToken cancellationToken)
    {
        if (await ReadFormAsync(http, seal, cancellationToken) is not null)
            http.Response.Cookies.Delete(SessionCookie, CookieOf(http, address, null));
        return SeeOther(http);
    }

    // Relative, so that it stays under whichever path prefix the page was reached by.
    private static StatusCodeHttpResult SeeOther(HttpContext http)
    {
        http.Response.Headers.Location = "./";
        return TypedResults.StatusCode(StatusCodes.Status303SeeOther);
    }

    private static IResult ShowLogin(HttpContext http, SealedText seal, PublicAddress address, int status, string? problem) =>
        PageFrame.Show(http.Response, status, Html.Of($"""
            <h1>Ampora</h1>
            <form method="post" action="login">{FormToken(http, seal, address)}
            <p class="error">{problem}</p>
            <label>API token<br><input type="password" name="token" autocomplete="current-password" required autofocus></label>
            <button>Log in</button></form>
            """));

    // The form carries what the cookie carries, sealed: a page of somebody else can make the browser send the one, but not know the other.
    private static Html FormToken(HttpContext http, SealedText seal, PublicAddress address)
    {
        // One for all tabs of a browser.
        var nonce = http.Request.Cookies[FormCookie] is { Length: NonceLength } known && known.All(char.IsAsciiHexDigitLower)
            ? known
            : RandomNumberGenerator.GetHexString(NonceLength, lowercase: true);
        http.Response.Cookies.Append(FormCookie, nonce, CookieOf(http, address, FormLifetime));
        return Html.Of($"""<input type="hidden" name="{FormField}" value="{seal.Seal("form", nonce, FormLifetime)}">""");
    }

    /// <returns>The form; null when it is not one that this browser was given.</returns>
    private static async Task<IFormCollection?> ReadFormAsync(HttpContext http, SealedText seal, CancellationToken cancellationToken)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = MaxFormBytes;
        if (http.Request.ContentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) != true)
            return null;
        IFormCollection form;
        try
        {
            form = await http.Request.ReadFormAsync(cancellationToken);
        }
        catch (InvalidDataException)
        {
            return null;
        }

        var expected = Encoding.UTF8.GetBytes(http.Request.Cookies[FormCookie] ?? "");
        var sent = Encoding.UTF8.GetBytes(seal.Open("form", form[FormField]) ?? "");
        return expected.Length > 0 && CryptographicOperations.FixedTimeEquals(expected, sent) ? form : null;
    }

    private static CookieOptions CookieOf(HttpContext http, PublicAddress address, TimeSpan? lifetime) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Secure = address.IsHttps(http.Request),
        Path = http.Request.PathBase.HasValue ? http.Request.PathBase.Value : "/",
        MaxAge = lifetime,
    };

    private static Html ShowSources(List<SourceView> sources)
    {
        if (sources.Count == 0)
            return Html.Of($"<p>None yet. Create one with <code>POST /api/git/sources</code>; <a href=\"openapi/v1.json\">the API's description</a> says how.</p>");
        var rows = Html.Join(sources.Take(MaxSources).Select(s => Html.Of($"""
            <tr><td>{s.Id}</td><td>{s.Url}<br><code>{s.Ref}</code></td>
            <td class="{s.State.Health}">{s.State.Health}{(s.Paused ? ", paused" : "")}{(s.State.Error is { } e ? $": {e.Detail} {e.Remedy}" : "")}</td>
            <td><code>{Short(s.State.Tip?.Sha)}</code> {s.State.Tip?.Subject}</td><td>{Time(s.State.LastCheckedAt)}</td>
            <td class="{s.State.WebhookHealth}">{s.Webhook.Auth}: {s.Webhook.Field}{(s.Webhook.HasSecret ? "" : ", no secret yet")}<br>{Time(s.State.LastWebhookAt)}</td></tr>
            """)));
        var more = sources.Count > MaxSources ? Html.Of($"<p>The first {Number(MaxSources)} are shown; the API lists all.</p>") : default;
        return Html.Of($"<table><tr><th>Source</th><th>Repository, ref</th><th>Health</th><th>Tip</th><th>Last checked</th><th>Webhook, last one</th></tr>{rows}</table>{more}");
    }

    private static Html ShowRuns(IReadOnlyList<RunView> runs)
    {
        if (runs.Count == 0)
            return Html.Of($"<p>None yet.</p>");
        var rows = Html.Join(runs.Select(r => Html.Of($"""
            <tr><td>{Time(r.CompletedAt)}</td><td>{r.SourceId}</td><td>{r.Trigger}</td><td class="{r.Outcome}">{r.Outcome}{(r.Error is { } e ? $": {e.Detail} {e.Remedy}" : "")}</td>
            <td><code>{Short(r.Sha)}</code> {r.Commit?.Subject}</td><td>+{Number(r.Counts.Added)} ~{Number(r.Counts.Modified)} −{Number(r.Counts.Removed)}</td></tr>
            """)));
        return Html.Of($"<table><tr><th>Completed</th><th>Source</th><th>Trigger</th><th>Outcome</th><th>Commit</th><th>Changes</th></tr>{rows}</table>");
    }

    private static string Short(string? sha) => sha is null ? "" : sha[..Math.Min(sha.Length, 10)];

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Time(DateTime? utc) => utc?.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture) ?? "";
}
