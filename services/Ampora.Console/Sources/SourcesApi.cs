using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Console.Webhooks;
using Ampora.Database;
using Ampora.Git;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Store.Wakeups;
using Ampora.Wakeups;
using Ampora.Webhooks;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Sources;

/// <summary>Sources: created, read, changed, checked, paused, resumed, deleted.</summary>
internal static class SourcesApi
{
    private const string List = "sources";
    private const int MaxSearchLength = 200;

    private static readonly string[] Healths = ["healthy", "degraded", "failing", "unknown"];

    // Deleting takes all runs and snapshots along, far more rows than any other statement touches.
    private static readonly TimeSpan DeleteDeadline = TimeSpan.FromSeconds(60);

    public static void MapSources(this IEndpointRouteBuilder api)
    {
        var sources = api.MapGroup("/git/sources").WithTags("Sources");

        var viewer = sources.MapGroup("").RequireAuthorization(Role.PolicyOf(Role.Viewer));
        viewer.MapGet("/", ListAsync);
        viewer.MapGet("/{id}", ReadAsync);

        var @operator = sources.MapGroup("").RequireAuthorization(Role.PolicyOf(Role.Operator));
        @operator.MapPost("/{id}/check", CheckAsync);
        @operator.MapPost("/{id}/pause", PauseAsync).Accepts<PauseBody>(isOptional: true, "application/json");
        @operator.MapPost("/{id}/resume", ResumeAsync);

        var admin = sources.MapGroup("").RequireAuthorization(Role.PolicyOf(Role.Admin));
        admin.MapPost("/", CreateAsync).Accepts<SourceBody>("application/json");
        admin.MapPut("/{id}", ReplaceAsync).Accepts<SourceBody>("application/json");
        admin.MapPatch("/{id}", MergeAsync).Accepts<SourceBody>("application/merge-patch+json", "application/json");
        admin.MapDelete("/{id}", DeleteAsync);
    }

    private static async Task<Ok<PageOf<SourceView>>> ListAsync(
        [AsParameters] PageQuery page, string[] label, string? health, string? q, Caller caller, Database<StoreContext> database, PublicAddress address,
        HttpRequest request, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var sources = LabelFilter.Read(label).Apply(caller.Scope.Apply(context.Sources));
        if (!string.IsNullOrEmpty(health))
        {
            if (!Healths.Contains(health))
                throw RequestRefusedException.BadQuery("health", $"should be one of {string.Join(", ", Healths)}.");
            sources = SourceReader.OfHealth(sources, health);
        }

        if (!string.IsNullOrEmpty(q))
        {
            if (q.Length > MaxSearchLength || q.Any(char.IsControl))
                throw RequestRefusedException.BadQuery("q", $"should have at most {MaxSearchLength} characters, and no control characters.");
            var pattern = $"%{EscapeLike(q.ToLowerInvariant())}%";
            sources = sources.Where(s =>
                EF.Functions.Like(s.Id, pattern, "\\")
                || EF.Functions.Like(s.Url.ToLower(), pattern, "\\")
                || EF.Functions.Like(s.Description!.ToLower(), pattern, "\\"));
        }

        if (page.ReadCursor(List) is { } after)
            sources = sources.Where(s => string.Compare(s.Id, after) > 0);
        var read = await SourceReader.ReadAsync(context, sources.OrderBy(s => s.Id).Take(page.ReadLimit() + 1), cancellationToken);
        var (items, next) = page.Cut(List, read, s => s.Id);
        return TypedResults.Ok(new PageOf<SourceView>([.. items.Select(s => s.For(request, address))], next));
    }

    private static async Task<Ok<SourceView>> ReadAsync(
        string id, Caller caller, Database<StoreContext> database, PublicAddress address, HttpRequest request, CancellationToken cancellationToken)
    {
        var source = await SourceReader.ReadOneAsync(database, caller, id, cancellationToken);
        request.HttpContext.Response.Headers.ETag = VersionMatch.TagOf(source.Version);
        return TypedResults.Ok(source.For(request, address));
    }

    private static async Task<Created<SourceView>> CreateAsync(
        Caller caller, Database<StoreContext> database, SourceWriter writer, SecretCipher cipher, WebhookWriter webhook, AddressPolicy addresses, PublicAddress address,
        HttpRequest request, CancellationToken cancellationToken)
    {
        using var json = await JsonInput.ReadAsync(request, optional: false, cancellationToken);
        var (id, settings) = SourceInput.Read(json.RootElement, InputMode.Create, null, addresses);
        if (!caller.Scope.Allows(id, settings.Labels))
            throw RequestRefusedException.Forbidden("This token is limited to some sources or labels, and the new source would be outside of them.");

        Source Make(DateTimeOffset now)
        {
            var source = new Source
            {
                Id = id,
                Uid = Guid.NewGuid(),
                Url = settings.Url,
                Ref = settings.Ref,
                Include = settings.Include,
                Exclude = settings.Exclude,
                AllowedSigners = settings.AllowedSigners,
                Description = settings.Description,
                Owner = settings.Owner,
                PollIntervalSeconds = settings.PollIntervalSeconds,
                Polling = settings.Polling,
                WebhookAuth = settings.Webhook.Method.Name,
                RepositoryKey = RepositoryAddress.KeyOf(settings.Url),
                BitbucketServerKey = RepositoryAddress.BitbucketServerKeyOf(settings.Url),
                Version = 1,
                CreatedAt = now,
                UpdatedAt = now,
                Labels = [.. settings.Labels.Select(l => new SourceLabel { SourceId = id, Key = l.Key, Value = l.Value })],
            };
            settings.Credential.Apply(source, settings.Authority, cipher, now);
            webhook.Make(source, settings.Webhook, now);
            return source;
        }

        await writer.CreateAsync(caller, id, Make, settings.Host, settings.Paused, cancellationToken);
        var created = await SourceReader.ReadOneAsync(database, caller, id, cancellationToken);
        request.HttpContext.Response.Headers.ETag = VersionMatch.TagOf(created.Version);
        return TypedResults.Created($"{request.PathBase}/api/git/sources/{id}", created.For(request, address));
    }

    private static Task<Ok<SourceView>> ReplaceAsync(
        string id, Caller caller, Database<StoreContext> database, SourceWriter writer, SecretCipher cipher, WebhookWriter webhook, AddressPolicy addresses, PublicAddress address,
        HttpRequest request, CancellationToken cancellationToken) =>
        ChangeAsync(InputMode.Replace, id, caller, database, writer, cipher, webhook, addresses, address, request, cancellationToken);

    private static Task<Ok<SourceView>> MergeAsync(
        string id, Caller caller, Database<StoreContext> database, SourceWriter writer, SecretCipher cipher, WebhookWriter webhook, AddressPolicy addresses, PublicAddress address,
        HttpRequest request, CancellationToken cancellationToken) =>
        ChangeAsync(InputMode.Merge, id, caller, database, writer, cipher, webhook, addresses, address, request, cancellationToken);

    private static async Task<Ok<SourceView>> ChangeAsync(
        InputMode mode, string id, Caller caller, Database<StoreContext> database, SourceWriter writer, SecretCipher cipher, WebhookWriter webhook, AddressPolicy addresses,
        PublicAddress address, HttpRequest request, CancellationToken cancellationToken)
    {
        using var json = await JsonInput.ReadAsync(request, optional: false, cancellationToken);
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                // Against the stored settings, and so under the lock: what a merge leaves out is what they are now.
                var (_, settings) = SourceInput.Read(json.RootElement, mode, change.Source, addresses);
                if (!caller.Scope.Allows(id, settings.Labels))
                    throw RequestRefusedException.Forbidden("This token is limited to some labels, and the change would take the source out of them.");
                return await ApplyAsync(change, settings, caller, cipher, webhook, stop);
            },
            cancellationToken);
        return await ReadAsync(id, caller, database, address, request, cancellationToken);
    }

    private static async Task<SourceFact?> ApplyAsync(
        SourceChange change, SourceSettings settings, Caller caller, SecretCipher cipher, WebhookWriter webhook, CancellationToken cancellationToken)
    {
        var (context, source, now) = change;
        var changes = settings.ChangesOf(source);
        if (changes.Count == 0)
            return null;

        var detail = SourceAudit.DetailOf(source, settings, changes);
        var fetchesOther = SourceSettings.FetchesOther(changes);
        var wasPaused = source.Wakeup!.Paused;
        // The wake-up row first; see SourceWriter.
        if (fetchesOther)
            await SourceWakeups.ChangeSettingsAsync(context, source.Id, settings.Host, settings.Url, SourceWriter.NewRequestId(), caller.Actor, cancellationToken);
        if (settings.PollIntervalSeconds != source.PollIntervalSeconds || settings.Polling != source.Polling)
            await SourceWakeups.ChangePollIntervalAsync(context, source.Id, settings.PollIntervalSeconds, settings.Polling == SourceRules.Adaptive, cancellationToken);
        if (settings.Paused && !wasPaused)
            await SourceWakeups.PauseAsync(context, source.Id, cancellationToken);
        if (!settings.Paused && wasPaused)
            await SourceWakeups.ResumeAsync(context, source.Id, SourceWriter.NewRequestId(), caller.Actor, cancellationToken);
        foreach (var (name, value) in await webhook.ChangeAsync(context, source, settings.Webhook, now, cancellationToken))
            detail[name] = value;

        (source.Url, source.RepositoryKey, source.BitbucketServerKey) =
            (settings.Url, RepositoryAddress.KeyOf(settings.Url), RepositoryAddress.BitbucketServerKeyOf(settings.Url));
        source.Ref = settings.Ref;
        (source.Include, source.Exclude, source.AllowedSigners) = (settings.Include, settings.Exclude, settings.AllowedSigners);
        source.Description = settings.Description;
        source.Owner = settings.Owner;
        source.PollIntervalSeconds = settings.PollIntervalSeconds;
        source.Polling = settings.Polling;
        if (settings.Paused != wasPaused)
            source.PauseReason = null;
        source.Labels.RemoveAll(l => !settings.Labels.ContainsKey(l.Key));
        foreach (var (key, value) in settings.Labels)
        {
            if (source.Labels.Find(l => l.Key == key) is { } label)
                label.Value = value;
            else
                source.Labels.Add(new SourceLabel { SourceId = source.Id, Key = key, Value = value });
        }

        settings.Credential.Apply(source, settings.Authority, cipher, now);
        return new SourceFact("source.changed", "changed", Wakes: !settings.Paused && (fetchesOther || wasPaused)) { Detail = detail };
    }

    private static async Task<NoContent> DeleteAsync(string id, Caller caller, SourceWriter writer, HttpRequest request, CancellationToken cancellationToken)
    {
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                var (context, source, _) = change;
                context.ChangeTracker.Clear();
                context.Database.SetCommandTimeout(DeleteDeadline);
                await context.Sources.Where(s => s.Id == id).ExecuteDeleteAsync(stop);
                var detail = new Dictionary<string, string> { ["url"] = source.Url, ["ref"] = source.Ref };
                return new SourceFact("source.deleted", "deleted", Wakes: false) { Detail = detail };
            },
            cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<Accepted<CheckAnswer>> CheckAsync(string id, Caller caller, SourceWriter writer, HttpRequest request, CancellationToken cancellationToken)
    {
        var requestId = SourceWriter.NewRequestId();
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                var outcome = await SourceWakeups.AskAsync(change.Context, id, requestId, caller.Actor, stop);
                if (outcome == AskOutcome.Paused)
                    throw RequestRefusedException.Paused(id);
                return new SourceFact("source.check_requested", null, Wakes: true)
                {
                    Detail = new Dictionary<string, string> { ["requestId"] = requestId },
                };
            },
            cancellationToken);
        return TypedResults.Accepted((string?)null, new CheckAnswer(requestId));
    }

    private static async Task<Ok<SourceView>> PauseAsync(
        string id, Caller caller, Database<StoreContext> database, SourceWriter writer, PublicAddress address, HttpRequest request,
        CancellationToken cancellationToken)
    {
        using var json = await JsonInput.ReadAsync(request, optional: true, cancellationToken);
        var errors = new FieldErrors();
        var fields = new JsonFields(json.RootElement, errors);
        var reason = fields.Text("reason", SourceRules.MaxPauseReasonLength, lines: true);
        fields.RefuseUnknown();
        errors.ThrowIfAny("invalid_pause", "Invalid pause");
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                if (change.Source.Wakeup!.Paused && (reason is null || reason == change.Source.PauseReason))
                    return null;
                await SourceWakeups.PauseAsync(change.Context, id, stop);
                change.Source.PauseReason = reason;
                return new SourceFact("source.paused", "paused", Wakes: false)
                {
                    Detail = reason is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["reason"] = reason },
                };
            },
            cancellationToken);
        return await ReadAsync(id, caller, database, address, request, cancellationToken);
    }

    private static async Task<Ok<SourceView>> ResumeAsync(
        string id, Caller caller, Database<StoreContext> database, SourceWriter writer, PublicAddress address, HttpRequest request,
        CancellationToken cancellationToken)
    {
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                if (!change.Source.Wakeup!.Paused)
                    return null;
                await SourceWakeups.ResumeAsync(change.Context, id, SourceWriter.NewRequestId(), caller.Actor, stop);
                change.Source.PauseReason = null;
                return new SourceFact("source.resumed", "resumed", Wakes: true);
            },
            cancellationToken);
        return await ReadAsync(id, caller, database, address, request, cancellationToken);
    }

    private static string EscapeLike(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);
}
