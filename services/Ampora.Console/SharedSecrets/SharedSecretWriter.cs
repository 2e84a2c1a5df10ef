using Ampora.Console.Access;
using Ampora.Console.Announcing;
using Ampora.Console.Http;
using Ampora.Console.Webhooks;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Ampora.Store.Webhooks;
using Ampora.Wakeups;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.SharedSecrets;

/// <summary>
/// Changes an organisation's secret: the versions of all sources under its prefix raised, the change, and the audit entry in one transaction. So from the commit on no
/// delivery that was verified against the old secret, or for the old prefix, is accepted.
/// </summary>
internal sealed class SharedSecretWriter(Database<StoreContext> database, Announcer announcer, SecretRotation rotation)
{
    // Those of a Git host are all read for each of its deliveries at the shared endpoint, before anything of it is authenticated.
    private const int MaxSecrets = 500;

    /// <summary>Creates or replaces one.</summary>
    /// <param name="caller">Who does.</param>
    /// <param name="name">Its name.</param>
    /// <param name="match">What the request demands of the version.</param>
    /// <param name="read">Reads the request against what is stored. It may be run again.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What is stored now, the generated secret if one was generated, and whether it is new.</returns>
    public async Task<(SharedWebhookSecret Row, string? Generated, bool IsNew)> PutAsync(
        Caller caller, string name, VersionMatch match, Func<SharedWebhookSecret?, SharedSecretInput> read, CancellationToken cancellationToken)
    {
        var (row, generated, isNew, message) = await database.WriteAsync<(SharedWebhookSecret, string?, bool, OutboxMessage?)>(
            async (context, stop) =>
            {
                var current = await LockAsync(context, name, stop);
                match.Require(current?.Version ?? 0);
                var wanted = read(current);
                var now = await SourceWakeups.NowAsync(context, stop);
                if (current is null && await context.SharedWebhookSecrets.CountAsync(stop) >= MaxSecrets)
                    throw TooMany();

                var detail = DetailOf(current, wanted);
                if (current is not null && detail.Count == 0 && (wanted.OverlapSeconds is null || current.PreviousValidUntil is null))
                    return (current, null, false, null);
                await ChangeVersionsAsync(context, current?.Prefix, wanted.Prefix, stop);
                var made = current ?? NewRow(context, name, wanted, now);
                var secret = wanted.Secret ?? (current is null ? SecretRotation.Generate(wanted.Method, signing: false) : null);
                if (secret is not null)
                    rotation.Set(made, WebhookSecretStorage.PlaceOfShared(name), new NewSecret(wanted.Method, secret, wanted.Username), wanted.OverlapSeconds, now);
                else if (wanted.OverlapSeconds is { } seconds)
                    SecretRotation.SetOverlap(made, seconds, now);
                (made.Prefix, made.Username) = (wanted.Prefix, wanted.Username);
                made.Version++;
                if (made.PreviousValidUntil is { } until)
                    detail["previousValidUntil"] = until.UtcDateTime.ToString("O");
                var action = current is null ? "webhook_secret.created" : "webhook_secret.changed";
                return (made, wanted.Secret is null ? secret : null, current is null, await RecordAsync(context, caller, name, action, detail, now, stop));
            },
            cancellationToken);
        if (message is not null)
            announcer.Announce(null, message);
        return (row, generated, isNew);
    }

    /// <summary>Replaces the secret by a generated one.</summary>
    /// <param name="caller">Who does.</param>
    /// <param name="name">Its name.</param>
    /// <param name="match">What the request demands of the version.</param>
    /// <param name="read">Reads the request against what is stored. It may be run again.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<(SharedWebhookSecret Row, string Generated)> RotateAsync(
        Caller caller, string name, VersionMatch match, Func<SharedWebhookSecret, RotationInput> read, CancellationToken cancellationToken)
    {
        var (row, generated, message) = await database.WriteAsync(
            async (context, stop) =>
            {
                var current = await LockAsync(context, name, stop) ?? throw NotFound();
                match.Require(current.Version);
                var wanted = read(current);
                var now = await SourceWakeups.NowAsync(context, stop);
                await ChangeVersionsAsync(context, current.Prefix, null, stop);
                var method = MethodOf(current);
                var secret = SecretRotation.Generate(method, wanted.Signing);
                rotation.Set(current, WebhookSecretStorage.PlaceOfShared(name), new NewSecret(method, secret, current.Username), wanted.OverlapSeconds, now);
                current.Version++;
                var detail = new Dictionary<string, string>();
                if (current.PreviousValidUntil is { } until)
                    detail["previousValidUntil"] = until.UtcDateTime.ToString("O");
                return (current, secret, await RecordAsync(context, caller, name, "webhook_secret.token_generated", detail, now, stop));
            },
            cancellationToken);
        announcer.Announce(null, message);
        return (row, generated);
    }

    /// <summary>Deletes one: what it verified is refused from now on.</summary>
    public async Task DeleteAsync(Caller caller, string name, VersionMatch match, CancellationToken cancellationToken)
    {
        var message = await database.WriteAsync(
            async (context, stop) =>
            {
                var current = await LockAsync(context, name, stop) ?? throw NotFound();
                match.Require(current.Version);
                await ChangeVersionsAsync(context, current.Prefix, null, stop);
                context.SharedWebhookSecrets.Remove(current);
                var detail = new Dictionary<string, string> { ["provider"] = current.Provider, ["prefix"] = current.Prefix };
                return await RecordAsync(context, caller, name, "webhook_secret.deleted", detail, await SourceWakeups.NowAsync(context, stop), stop);
            },
            cancellationToken);
        announcer.Announce(null, message);
    }

    /// <summary>The method of a row; its provider is the method's name.</summary>
    public static WebhookMethod MethodOf(SharedWebhookSecret row) => WebhookMethod.Find(row.Provider) ?? WebhookMethod.Token;

    public static RequestRefusedException NotFound() =>
        new(404, "webhook_secret_not_found", "No such webhook secret", "There is no organisation's secret of this name; PUT makes one.");

    // One change at a time. Not by the row, which Ingress writes after the wake-up rows: those must come first here too, and which ones they are the row says.
    private async Task<SharedWebhookSecret?> LockAsync(StoreContext context, string name, CancellationToken cancellationToken)
    {
        if (database.Dialect == DatabaseDialect.Postgres)
            await context.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended('shared_webhook_secrets', 0))", cancellationToken);
        return await context.SharedWebhookSecrets.SingleOrDefaultAsync(s => s.Name == name, cancellationToken);
    }

    private static async Task ChangeVersionsAsync(StoreContext context, string? oldPrefix, string? newPrefix, CancellationToken cancellationToken)
    {
        if (oldPrefix is not null)
            await SourceWakeups.ChangeSecretsUnderAsync(context, oldPrefix, cancellationToken);
        if (newPrefix is not null && newPrefix != oldPrefix)
            await SourceWakeups.ChangeSecretsUnderAsync(context, newPrefix, cancellationToken);
    }

    private static SharedWebhookSecret NewRow(StoreContext context, string name, SharedSecretInput wanted, DateTimeOffset now)
    {
        var row = new SharedWebhookSecret
        {
            Name = name,
            Provider = wanted.Method.Name,
            Prefix = wanted.Prefix,
            Auth = wanted.Method.Name,
            CreatedAt = now,
            Version = 0,
        };
        context.SharedWebhookSecrets.Add(row);
        return row;
    }

    // What the audit log keeps: never a secret.
    private static Dictionary<string, string> DetailOf(SharedWebhookSecret? current, SharedSecretInput wanted)
    {
        var detail = new Dictionary<string, string>();
        if (current is null)
            (detail["provider"], detail["prefix"]) = (wanted.Method.Name, wanted.Prefix);
        else if (current.Prefix != wanted.Prefix)
            (detail["prefix.before"], detail["prefix.after"]) = (current.Prefix, wanted.Prefix);
        if (current is null ? wanted.Username is not null : current.Username != wanted.Username)
            (detail["username.before"], detail["username.after"]) = (current?.Username ?? "", wanted.Username ?? "");
        if (wanted.Secret is not null)
            detail["secret"] = "set";
        else if (current is null)
            detail["secret"] = "generated";
        return detail;
    }

    private static async Task<OutboxMessage> RecordAsync(
        StoreContext context, Caller caller, string name, string action, Dictionary<string, string> detail, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await context.SaveChangesAsync(cancellationToken);
        var entry = new AuditRecorded
        {
            OccurredAt = now,
            Actor = caller.Actor,
            Action = action,
            Subject = $"webhook-secret:{name}",
            RemoteIp = caller.RemoteIp,
            Detail = detail,
        };
        return await StoreJournal.AddAuditAsync(context, entry, cancellationToken);
    }

    private static RequestRefusedException TooMany() => new(
        409,
        "too_many_webhook_secrets",
        "Too many webhook secrets",
        $"There are {MaxSecrets} organisations' secrets already. Use a shorter prefix for several organisations of one Git host, or the secret of each source.");
}
