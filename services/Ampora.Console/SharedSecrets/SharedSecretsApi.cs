using System.ComponentModel;
using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Console.Sources;
using Ampora.Console.Webhooks;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Wakeups;
using Ampora.Store.Webhooks;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Ampora.Console.SharedSecrets;

/// <summary>
/// Organisations' secrets: one hook of a Git host's organisation for all its repositories. Only an admin's token that is not limited to some sources manages
/// them, since each is about every source under its prefix.
/// </summary>
internal static class SharedSecretsApi
{
    private const string List = "webhook-secrets";
    private const string What = "managing organisations' webhook secrets";

    public static void MapSharedSecrets(this IEndpointRouteBuilder api)
    {
        var secrets = api.MapGroup("/git/webhook-secrets").WithTags("Webhooks").RequireAuthorization(Role.PolicyOf(Role.Admin));
        secrets.MapGet("", ListAsync).WithSummary("Organisations' secrets for the shared endpoint, without the secrets themselves.");
        secrets.MapGet("/{name}", ReadAsync).WithSummary("One organisation's secret, with when it last verified a delivery.");
        secrets.MapPut("/{name}", PutAsync).Accepts<SharedSecretBody>("application/json")
            .Produces<SharedSecretView>().Produces<SharedSecretView>(StatusCodes.Status201Created)
            .WithSummary("Makes or changes one. Without a secret a new one is generated and shown once; an old one is kept.");
        secrets.MapPost("/{name}/token", RotateAsync).Accepts<RotateBody>(isOptional: true, "application/json")
            .WithSummary("Replaces the secret by a generated one, and shows it once.");
        secrets.MapDelete("/{name}", DeleteAsync).WithSummary("Deletes one: what it verified is refused from now on.");
    }

    private static async Task<Ok<PageOf<SharedSecretView>>> ListAsync(
        [AsParameters] PageQuery page, Caller caller, Database<StoreContext> database, IOptions<ConfiguredSecrets> configured, PublicAddress address,
        HttpRequest request, CancellationToken cancellationToken)
    {
        caller.RequireUnlimited(What);
        await using var context = database.Read();
        var now = await SourceWakeups.NowAsync(context, cancellationToken);
        var url = address.OfSharedWebhook(request);
        // All of them, since both kinds are one list in one order; there are at most some hundreds.
        var stored = await context.SharedWebhookSecrets.AsNoTracking().ToListAsync(cancellationToken);
        var all = stored.Where(s => !configured.Value.Secrets.ContainsKey(s.Name)).Select(s => SharedSecretView.Of(s, null, url, now))
            .Concat(configured.Value.Secrets.Select(s => SharedSecretView.Of(s.Key, s.Value, url)))
            .OrderBy(s => s.Name, StringComparer.Ordinal);
        var after = page.ReadCursor(List);
        var read = all.Where(s => after is null || string.CompareOrdinal(s.Name, after) > 0).Take(page.ReadLimit() + 1).ToList();
        var (rows, next) = page.Cut(List, read, s => s.Name);
        return TypedResults.Ok(new PageOf<SharedSecretView>(rows, next));
    }

    private static async Task<Ok<SharedSecretView>> ReadAsync(
        string name, Caller caller, Database<StoreContext> database, IOptions<ConfiguredSecrets> configured, PublicAddress address, HttpRequest request,
        CancellationToken cancellationToken)
    {
        caller.RequireUnlimited(What);
        var url = address.OfSharedWebhook(request);
        if (configured.Value.Secrets.TryGetValue(name, out var given))
            return TypedResults.Ok(SharedSecretView.Of(name, given, url));
        await using var context = database.Read();
        var row = SourceRules.IsSlug(name) ? await context.SharedWebhookSecrets.AsNoTracking().SingleOrDefaultAsync(s => s.Name == name, cancellationToken) : null;
        if (row is null)
            throw SharedSecretWriter.NotFound();
        request.HttpContext.Response.Headers.ETag = VersionMatch.TagOf(row.Version);
        return TypedResults.Ok(SharedSecretView.Of(row, null, url, await SourceWakeups.NowAsync(context, cancellationToken)));
    }

    private static async Task<IResult> PutAsync(
        string name, Caller caller, SharedSecretWriter writer, IOptions<ConfiguredSecrets> configured, PublicAddress address, TimeProvider time, HttpRequest request,
        CancellationToken cancellationToken)
    {
        RequireChangeable(name, caller, configured.Value);
        using var json = await JsonInput.ReadAsync(request, optional: false, cancellationToken);
        if (!SourceRules.IsSlug(name))
            throw new RequestRefusedException(422, "invalid_webhook_secret", "Invalid webhook secret", $"name: {SourceRules.SlugForm}");
        var (row, generated, isNew) = await writer.PutAsync(
            caller, name, VersionMatch.Of(request), current => SharedSecretInput.Read(json.RootElement, current), cancellationToken);

        var headers = request.HttpContext.Response.Headers;
        headers.ETag = VersionMatch.TagOf(row.Version);
        // The one time that it is shown; no cache may keep it.
        if (generated is not null)
            headers.CacheControl = "no-store";
        var view = SharedSecretView.Of(row, generated, address.OfSharedWebhook(request), time.GetUtcNow());
        return isNew ? TypedResults.Created($"{request.PathBase}/api/git/webhook-secrets/{name}", view) : TypedResults.Ok(view);
    }

    private static async Task<Ok<TokenAnswer>> RotateAsync(
        string name, Caller caller, SharedSecretWriter writer, IOptions<ConfiguredSecrets> configured, PublicAddress address, HttpRequest request,
        CancellationToken cancellationToken)
    {
        RequireChangeable(name, caller, configured.Value);
        using var json = await JsonInput.ReadAsync(request, optional: true, cancellationToken);
        var (row, generated) = await writer.RotateAsync(
            caller,
            name,
            VersionMatch.Of(request),
            current => RotationInput.Read(json.RootElement, SharedSecretWriter.MethodOf(current), current),
            cancellationToken);

        // The one time that it is shown; no cache may keep it.
        request.HttpContext.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new TokenAnswer(
            generated,
            address.OfSharedWebhook(request),
            SharedSecretWriter.MethodOf(row).FieldOf(generated),
            row.CreatedAt.UtcDateTime,
            row.PreviousValidUntil?.UtcDateTime));
    }

    private static async Task<NoContent> DeleteAsync(
        string name, Caller caller, SharedSecretWriter writer, IOptions<ConfiguredSecrets> configured, HttpRequest request, CancellationToken cancellationToken)
    {
        RequireChangeable(name, caller, configured.Value);
        await writer.DeleteAsync(caller, name, VersionMatch.Of(request), cancellationToken);
        return TypedResults.NoContent();
    }

    private static void RequireChangeable(string name, Caller caller, ConfiguredSecrets configured)
    {
        caller.RequireUnlimited(What);
        if (configured.Secrets.ContainsKey(name))
        {
            throw new RequestRefusedException(
                409,
                "webhook_secret_configured",
                "Set by the configuration",
                $"The settings Ampora__Webhooks__Secrets__{name}__… give this secret: change it there, and restart ingress and console.");
        }
    }
}

/// <summary>An organisation's secret as a request gives it.</summary>
internal sealed record SharedSecretBody
{
    /// <summary>The Git host that sends; it never changes.</summary>
    [Description("github, gitlab, gitea, forgejo, gogs, bitbucket-cloud, bitbucket-server, azure-devops or standard-webhooks. It never changes.")]
    public required string Provider { get; init; }

    /// <summary>The sources that it may wake: those whose repository is under this.</summary>
    [Description("The sources that it may wake are those whose repository is under this: host and path, such as github.com/acme/")]
    public required string Prefix { get; init; }

    /// <summary>A secret that the Git host has already. Write-only.</summary>
    [Description("A secret that the Git host has already. Write-only. Left out, one is generated for a new name, and that of an old one is kept.")]
    public string? Secret { get; init; }

    /// <summary>The user name of Basic authentication; null: any.</summary>
    [Description("For azure-devops and bitbucket-server: the user name that Basic authentication must bring; null for any.")]
    public string? Username { get; init; }

    /// <summary>How long the secret that is replaced is accepted too.</summary>
    [Description("How long the secret that is replaced is accepted too, 0 to 2592000; left out, it is refused at once. Alone, it ends the overlap (0) or moves its end.")]
    public int? OverlapSeconds { get; init; }
}
