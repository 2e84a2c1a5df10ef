using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Console.Sources;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Store.Wakeups;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Webhooks;

/// <summary>A source's webhook: how it is authenticated, its token, and the deliveries that arrived.</summary>
internal static class WebhooksApi
{
    private const string Deliveries = "deliveries";

    // A month: long enough to change a token at every Git host by hand, short enough to end.
    private const int MaxOverlapSeconds = 30 * 24 * 3600;

    public static void MapWebhooks(this IEndpointRouteBuilder api)
    {
        var webhooks = api.MapGroup("/git/sources/{id}").WithTags("Webhooks");
        webhooks.MapGet("/deliveries", ListDeliveriesAsync).RequireAuthorization(Role.PolicyOf(Role.Viewer));

        var admin = webhooks.MapGroup("/webhook").RequireAuthorization(Role.PolicyOf(Role.Admin));
        admin.MapPut("", SetAsync).Accepts<WebhookBody>("application/json");
        admin.MapPost("/token", RotateAsync).Accepts<RotateBody>(isOptional: true, "application/json");
        admin.MapDelete("/token", RevokeAsync);
    }

    private static async Task<Ok<WebhookView>> SetAsync(
        string id, Caller caller, Database<StoreContext> database, SourceWriter writer, PublicAddress address, HttpRequest request,
        CancellationToken cancellationToken)
    {
        using var json = await JsonInput.ReadAsync(request, optional: false, cancellationToken);
        var errors = new FieldErrors();
        var fields = new JsonFields(json.RootElement, errors);
        var auth = WebhookAuthentication.Read(fields) ?? WebhookAuthentication.Token;
        if (fields.Has("overlapSeconds") && fields.Integer("overlapSeconds", 0, MaxOverlapSeconds) > 0)
            fields.Fail("overlapSeconds", "A secret is not set here: a token is rotated, with an overlap, by POST …/webhook/token.");
        fields.RefuseUnknown();
        errors.ThrowIfAny("invalid_webhook", "Invalid webhook");

        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            (change, _) =>
            {
                var before = change.Source.WebhookAuth;
                if (before == auth)
                    return Task.FromResult<SourceFact?>(null);
                change.Source.WebhookAuth = auth;
                var detail = new Dictionary<string, string> { ["changed"] = "webhook", ["webhook.before"] = before, ["webhook.after"] = auth };
                return Task.FromResult<SourceFact?>(new SourceFact("source.changed", "changed", Wakes: false) { Detail = detail });
            },
            cancellationToken);

        await using var context = database.Read();
        var found = await SourceReader.ReadAsync(context, caller.Scope.Apply(context.Sources).Where(s => s.Id == id), cancellationToken);
        return found.Count == 1 ? TypedResults.Ok(found[0].For(request, address).Webhook) : throw RequestRefusedException.NoSource(id);
    }

    private static async Task<Ok<TokenAnswer>> RotateAsync(
        string id, Caller caller, SourceWriter writer, PublicAddress address, HttpRequest request, CancellationToken cancellationToken)
    {
        using var json = await JsonInput.ReadAsync(request, optional: true, cancellationToken);
        var errors = new FieldErrors();
        var fields = new JsonFields(json.RootElement, errors);
        var overlap = fields.Integer("overlapSeconds", 0, MaxOverlapSeconds) ?? 0;
        fields.RefuseUnknown();
        errors.ThrowIfAny("invalid_rotation", "Invalid rotation");

        var token = AccessToken.Generate();
        DateTimeOffset createdAt = default;
        DateTimeOffset? previousValidUntil = null;
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                // The wake-up row first: from the commit on, no delivery that was verified against the old secret is accepted.
                await SourceWakeups.ChangeSecretsAsync(change.Context, id, stop);
                var hash = AccessToken.Hash(token);
                createdAt = change.Now;
                previousValidUntil = null;
                if (change.Source.WebhookSecret is { } secret)
                {
                    previousValidUntil = overlap > 0 ? change.Now.AddSeconds(overlap) : null;
                    secret.PreviousAuth = overlap > 0 ? secret.Auth : null;
                    secret.PreviousSecretHash = overlap > 0 ? secret.SecretHash : null;
                    secret.PreviousUsedAt = overlap > 0 ? secret.UsedAt : null;
                    secret.PreviousValidUntil = previousValidUntil;
                    secret.SecretHash = hash;
                    secret.CreatedAt = change.Now;
                    secret.UsedAt = null;
                }
                else
                {
                    change.Source.WebhookSecret = new WebhookSecret { SourceId = id, Auth = WebhookAuthentication.Token, SecretHash = hash, CreatedAt = change.Now };
                }

                var detail = new Dictionary<string, string>();
                if (previousValidUntil is { } until)
                    detail["previousValidUntil"] = until.UtcDateTime.ToString("O");
                return new SourceFact("source.token_generated", "changed", Wakes: false) { Detail = detail };
            },
            cancellationToken);

        // The one time that it is shown; no cache may keep it.
        request.HttpContext.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new TokenAnswer(
            token, address.OfWebhook(request, id), WebhookAuthentication.TokenField, createdAt.UtcDateTime, previousValidUntil?.UtcDateTime));
    }

    private static async Task<NoContent> RevokeAsync(string id, Caller caller, SourceWriter writer, HttpRequest request, CancellationToken cancellationToken)
    {
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                if (change.Source.WebhookSecret is null)
                    return null;
                await SourceWakeups.ChangeSecretsAsync(change.Context, id, stop);
                change.Source.WebhookSecret = null;
                return new SourceFact("source.token_revoked", "changed", Wakes: false);
            },
            cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<PageOf<DeliveryView>>> ListDeliveriesAsync(
        string id, [AsParameters] PageQuery page, Caller caller, Database<StoreContext> database, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        await caller.RequireSourceAsync(context, id, cancellationToken);
        var deliveries = context.Deliveries.AsNoTracking().Where(d => d.SourceId == id);
        if (page.ReadNumberCursor(Deliveries) is { } before)
            deliveries = deliveries.Where(d => d.Sequence < before);
        var read = await deliveries.OrderByDescending(d => d.Sequence).Take(page.ReadLimit() + 1).ToListAsync(cancellationToken);
        var (rows, next) = page.Cut(Deliveries, read, d => PageQuery.Number(d.Sequence));
        return TypedResults.Ok(new PageOf<DeliveryView>([.. rows.Select(DeliveryView.Of)], next));
    }
}

/// <summary>How a token is rotated.</summary>
internal sealed record RotateBody
{
    /// <summary>How long the previous token is accepted too, 0 to 2592000; 0 unless given.</summary>
    public int? OverlapSeconds { get; init; }
}

/// <summary>A new webhook token, shown only now.</summary>
/// <param name="Token">The token.</param>
/// <param name="Url">Where the Git host sends its webhooks.</param>
/// <param name="Field">Where the Git host wants the token.</param>
/// <param name="CreatedAt">When it was generated.</param>
/// <param name="PreviousValidUntil">Until when the previous one is accepted too; null: not at all.</param>
internal sealed record TokenAnswer(string Token, string Url, string Field, DateTime CreatedAt, DateTime? PreviousValidUntil);

/// <summary>A webhook delivery; its body was never kept.</summary>
internal sealed record DeliveryView(
    string DeliveryId,
    DateTime ReceivedAt,
    string Provider,
    string? Event,
    string Verdict,
    string? Reason,
    string? RemoteIp,
    string? SignedBy,
    string? ReplayOf,
    string? Result,
    string? RunId)
{
    public static DeliveryView Of(DeliveryRow row) => new(
        row.Id, row.ReceivedAt.UtcDateTime, row.Provider, row.Event, row.Verdict, row.Reason, row.RemoteIp, row.SignedBy, row.ReplayOf, row.Result, row.RunId);
}
