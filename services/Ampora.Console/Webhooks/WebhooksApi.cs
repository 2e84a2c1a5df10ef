using System.ComponentModel;
using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Console.Sources;
using Ampora.Database;
using Ampora.Store;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Ampora.Console.Webhooks;

/// <summary>A source's webhook: how it is authenticated, and its secret.</summary>
internal static class WebhooksApi
{
    public static void MapWebhooks(this IEndpointRouteBuilder api)
    {
        var admin = api.MapGroup("/git/sources/{id}/webhook").WithTags("Webhooks").RequireAuthorization(Role.PolicyOf(Role.Admin));
        admin.MapPut("", SetAsync).Accepts<WebhookSettingsBody>("application/json")
            .WithSummary("Sets how a source's webhooks are authenticated, and a secret that you already have.");
        admin.MapPost("/token", RotateAsync).Accepts<RotateBody>(isOptional: true, "application/json")
            .WithSummary("Generates or rotates the secret of whichever method is set, and shows it once.");
        admin.MapDelete("/token", RevokeAsync)
            .WithSummary("Revokes the secrets: every webhook is refused until another is made.");
    }

    private static async Task<Ok<WebhookView>> SetAsync(
        string id, Caller caller, Database<StoreContext> database, SourceWriter writer, WebhookWriter webhook, PublicAddress address, HttpRequest request,
        CancellationToken cancellationToken)
    {
        using var json = await JsonInput.ReadAsync(request, optional: false, cancellationToken);
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                // Against what is stored, and so under the lock: what is left out is what it is now.
                var errors = new FieldErrors();
                var fields = new JsonFields(json.RootElement, errors);
                var wanted = WebhookInput.Read(fields, WebhookWriter.MethodOf(change.Source));
                fields.RefuseUnknown();
                errors.ThrowIfAny("invalid_webhook", "Invalid webhook");
                var detail = await webhook.ChangeAsync(change.Context, change.Source, wanted, change.Now, stop);
                return detail.Count == 0
                    ? null
                    : new SourceFact("source.changed", "changed", Wakes: false) { Detail = new Dictionary<string, string>(detail) { ["changed"] = "webhook" } };
            },
            cancellationToken);
        return TypedResults.Ok((await SourceReader.ReadOneAsync(database, caller, id, cancellationToken)).For(request, address).Webhook);
    }

    private static async Task<Ok<TokenAnswer>> RotateAsync(
        string id, Caller caller, SourceWriter writer, WebhookWriter webhook, PublicAddress address, HttpRequest request, CancellationToken cancellationToken)
    {
        using var json = await JsonInput.ReadAsync(request, optional: true, cancellationToken);
        TokenAnswer? answer = null;
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                var method = WebhookWriter.MethodOf(change.Source);
                var rotation = RotationInput.Read(json.RootElement, method, change.Source.WebhookSecret);
                var secret = SecretRotation.Generate(method, rotation.Signing);
                var row = await webhook.RotateAsync(change.Context, change.Source, secret, rotation.OverlapSeconds, change.Now, stop);
                answer = new TokenAnswer(
                    secret, address.OfWebhook(request, id), method.FieldOf(secret), row.CreatedAt.UtcDateTime, row.PreviousValidUntil?.UtcDateTime);
                var detail = new Dictionary<string, string> { ["auth"] = method.Name };
                if (row.PreviousValidUntil is { } until)
                    detail["previousValidUntil"] = until.UtcDateTime.ToString("O");
                return new SourceFact("source.token_generated", "changed", Wakes: false) { Detail = detail };
            },
            cancellationToken);

        // The one time that it is shown; no cache may keep it.
        request.HttpContext.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(answer!);
    }

    private static async Task<NoContent> RevokeAsync(string id, Caller caller, SourceWriter writer, HttpRequest request, CancellationToken cancellationToken)
    {
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) => await WebhookWriter.RevokeAsync(change.Context, change.Source, stop)
                ? new SourceFact("source.token_revoked", "changed", Wakes: false)
                : null,
            cancellationToken);
        return TypedResults.NoContent();
    }
}

/// <summary>How a source's webhooks are authenticated, as a request gives it.</summary>
internal sealed record WebhookSettingsBody
{
    /// <summary>The method; without it the method stays.</summary>
    [Description("token, github, gitlab, gitea, forgejo, gogs, bitbucket-cloud, bitbucket-server, azure-devops or standard-webhooks. Left out, it stays as it is. Another method without a secret has none until one is generated.")]
    public string? Auth { get; init; }

    /// <summary>A secret that the Git host has already. Write-only.</summary>
    [Description("A secret that the Git host has already; Standard Webhooks: whsec_ and base64 of 24 to 64 bytes. Write-only; POST …/webhook/token generates one instead.")]
    public string? Secret { get; init; }

    /// <summary>The user name of Basic authentication; null: any.</summary>
    [Description("For azure-devops and bitbucket-server: the user name that Basic authentication must bring; null for any.")]
    public string? Username { get; init; }

    /// <summary>How long the secret that is replaced is accepted too, with its own method.</summary>
    [Description("How long the secret that is replaced is accepted too, with its own method, 0 to 2592000; left out, it is refused at once. A second rotation during an overlap replaces the previous secret. Alone, it ends the overlap (0) or moves its end.")]
    public int? OverlapSeconds { get; init; }
}

/// <summary>How a secret is rotated.</summary>
internal sealed record RotateBody
{
    /// <summary>How long the previous secret is accepted too, 0 to 2592000; 0 unless given.</summary>
    [Description("How long the previous secret is accepted too, 0 to 2592000; 0 unless given. A second rotation during an overlap replaces the previous secret: the one before it is refused at once.")]
    public int? OverlapSeconds { get; init; }

    /// <summary>For gitlab: whether to make a signing token.</summary>
    [Description("For gitlab: true makes a signing token, false a secret token; left out, the kind stays.")]
    public bool? Signing { get; init; }
}

/// <summary>A new secret, shown only now.</summary>
/// <param name="Token">The secret.</param>
/// <param name="Url">Where the Git host sends its webhooks.</param>
/// <param name="Field">Where the Git host wants the secret.</param>
/// <param name="CreatedAt">When it was generated.</param>
/// <param name="PreviousValidUntil">Until when the previous one is accepted too; null: not at all.</param>
internal sealed record TokenAnswer(string Token, string Url, string Field, DateTime CreatedAt, DateTime? PreviousValidUntil)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => Url;
}
