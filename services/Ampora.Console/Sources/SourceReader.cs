using Ampora.Console.Access;
using Ampora.Console.Credentials;
using Ampora.Console.Http;
using Ampora.Console.Webhooks;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Sources;

/// <summary>Reads sources with all that the API shows of them, in one query for however many.</summary>
internal static class SourceReader
{
    /// <summary>How many failures, or missed webhooks, in a row make a source failing rather than degraded: one or two happen to every Git host.</summary>
    public const int FailingFrom = 3;

    /// <summary>Reads the chosen sources.</summary>
    /// <param name="context">The context.</param>
    /// <param name="sources">Which; already ordered and limited.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<List<SourceView>> ReadAsync(StoreContext context, IQueryable<Source> sources, CancellationToken cancellationToken)
    {
        var rows = await sources
            .Select(s => new Row
            {
                Source = s,
                Labels = s.Labels,
                Wakeup = s.Wakeup!,
                Credential = s.Credential == null ? null : new CredentialRow(s.Credential.Type, s.Credential.Authority, s.Credential.UpdatedAt, s.Credential.CaDigest != null, s.Credential.Fingerprint),
                Webhook = s.WebhookSecret == null
                    ? null
                    : new SecretTimes
                    {
                        HasSecret = s.WebhookSecret.SecretHash != null || s.WebhookSecret.SecretEncrypted != null,
                        IsEncrypted = s.WebhookSecret.SecretEncrypted != null,
                        Username = s.WebhookSecret.Username,
                        CreatedAt = s.WebhookSecret.CreatedAt,
                        UsedAt = s.WebhookSecret.UsedAt,
                        PreviousValidUntil = s.WebhookSecret.PreviousValidUntil,
                        PreviousUsedAt = s.WebhookSecret.PreviousUsedAt,
                    },
            })
            .AsNoTracking()
            .AsSplitQuery()
            .ToListAsync(cancellationToken);
        if (rows.Count == 0)
            return [];

        var ids = rows.Select(r => r.Source.Id).ToList();
        var tips = await context.Wakeups
            .Where(w => ids.Contains(w.SourceId))
            .Join(
                context.Sweeps,
                w => new { w.SourceId, Config = w.TipConfig, Sha = w.TipSha },
                t => new { t.SourceId, Config = (long?)t.Config, Sha = (string?)t.Sha },
                (w, t) => t)
            .AsNoTracking()
            .ToDictionaryAsync(t => t.SourceId, cancellationToken);
        var now = await SourceWakeups.NowAsync(context, cancellationToken);
        return [.. rows.Select(row => Show(row, tips.GetValueOrDefault(row.Source.Id), now))];
    }

    /// <summary>Reads one source; answers 404 when there is none, or the caller may not see it.</summary>
    public static async Task<SourceView> ReadOneAsync(Database<StoreContext> database, Caller caller, string id, CancellationToken cancellationToken)
    {
        if (!SourceRules.IsSlug(id))
            throw RequestRefusedException.NoSource(id);
        await using var context = database.Read();
        var found = await ReadAsync(context, caller.Scope.Apply(context.Sources).Where(s => s.Id == id), cancellationToken);
        return found.Count == 1 ? found[0] : throw RequestRefusedException.NoSource(id);
    }

    /// <summary>Keeps the sources of one health; see <see cref="SourceState.Health"/>.</summary>
    public static IQueryable<Source> OfHealth(IQueryable<Source> sources, string health) => health switch
    {
        "unknown" => sources.Where(s => s.Wakeup!.LastCheckedAt == null),
        "healthy" => sources.Where(s => s.Wakeup!.LastCheckedAt != null && s.Wakeup.Failures == 0),
        "degraded" => sources.Where(s => s.Wakeup!.LastCheckedAt != null && s.Wakeup.Failures > 0 && s.Wakeup.Failures < FailingFrom),
        "failing" => sources.Where(s => s.Wakeup!.LastCheckedAt != null && s.Wakeup.Failures >= FailingFrom),
        _ => throw new ArgumentOutOfRangeException(nameof(health)),
    };

    private static SourceView Show(Row row, Sweep? tip, DateTimeOffset now)
    {
        var (source, wakeup) = (row.Source, row.Wakeup);
        return new SourceView
        {
            Id = source.Id,
            Url = source.Url,
            Ref = source.Ref,
            Description = source.Description,
            Owner = source.Owner,
            Labels = row.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).ToDictionary(l => l.Key, l => l.Value),
            Include = Lines(source.Include),
            Exclude = Lines(source.Exclude),
            Verify = source.AllowedSigners is { } signers ? new VerifyView(signers) : null,
            PollIntervalSeconds = source.PollIntervalSeconds,
            Polling = source.Polling,
            Paused = wakeup.Paused,
            PauseReason = wakeup.Paused ? source.PauseReason : null,
            Credential = row.Credential is { } c ? new CredentialView(c.Type, c.Authority, c.UpdatedAt.UtcDateTime, c.HasCa, c.Fingerprint) : null,
            Webhook = WebhookView.Of(source.WebhookAuth, row.Webhook, now),
            CreatedAt = source.CreatedAt.UtcDateTime,
            UpdatedAt = source.UpdatedAt.UtcDateTime,
            State = new SourceState
            {
                Health = wakeup.LastCheckedAt is null ? "unknown" : wakeup.Failures == 0 ? "healthy" : wakeup.Failures < FailingFrom ? "degraded" : "failing",
                Phase = wakeup.LeaseUntil > now ? "checking" : wakeup.Failures > 0 && wakeup.NotBefore > now ? "backingOff" : "idle",
                WebhookHealth = WebhookHealthOf(wakeup),
                MissedWebhooks = wakeup.MissedTotal,
                LastWebhookAt = wakeup.LastWebhookAt?.UtcDateTime,
                PollIntervalSeconds = wakeup.PollIntervalSeconds,
                Tip = wakeup.TipSha is null
                    ? null
                    : new TipView(wakeup.TipSha, wakeup.TipRef, tip?.Subject, tip?.Author, tip?.CommittedAt.UtcDateTime, wakeup.TipSeenAt?.UtcDateTime),
                MovedTo = wakeup.MovedTo,
                LastSkipped = wakeup is { SkippedSha: { } skipped, SkippedAt: { } at } ? new SkippedView(wakeup.SkippedPreviousSha, skipped, at.UtcDateTime) : null,
                Skipped = wakeup.SkippedTotal,
                LastCheckedAt = wakeup.LastCheckedAt?.UtcDateTime,
                NextPollAt = wakeup.Paused ? null : wakeup.NextPollAt.UtcDateTime,
                Failures = wakeup.Failures,
                Error = wakeup is { Failures: > 0, ErrorCode: { } code } ? new RunError(code, wakeup.ErrorDetail ?? "", wakeup.ErrorRemedy ?? "") : null,
            },
            Version = source.Version,
        };
    }

    private static string WebhookHealthOf(Wakeup wakeup) => wakeup switch
    {
        { LastWebhookAt: null, MissedInRow: 0 } => "unknown",
        { MissedInRow: 0 } => "healthy",
        { MissedInRow: < FailingFrom } => "degraded",
        _ => "failing",
    };

    private static string[] Lines(string? text) => text?.Split('\n') ?? [];

    private sealed record CredentialRow(string Type, string Authority, DateTimeOffset UpdatedAt, bool HasCa, string? Fingerprint);

    private sealed record Row
    {
        public required Source Source { get; init; }

        public required List<SourceLabel> Labels { get; init; }

        public required Wakeup Wakeup { get; init; }

        public required CredentialRow? Credential { get; init; }

        public required SecretTimes? Webhook { get; init; }
    }
}
