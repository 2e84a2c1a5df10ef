using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Ampora.Store.Webhooks;
using Ampora.Webhooks;
using SecretRow = Ampora.Store.Model.WebhookSecret;

namespace Ampora.Console.Webhooks;

/// <summary>Changes the webhook of a source, in the transaction that locks the source.</summary>
internal sealed class WebhookWriter(SecretRotation rotation)
{
    /// <summary>The method of a source. One that this release does not know verifies nothing, and can be replaced like any other.</summary>
    public static WebhookMethod MethodOf(Source source) => WebhookMethod.Find(source.WebhookAuth) ?? WebhookMethod.Token;

    /// <summary>Gives a source that is just being made its webhook.</summary>
    public void Make(Source source, WebhookChange change, DateTimeOffset now)
    {
        source.WebhookAuth = change.Method.Name;
        Apply(source, change, now);
    }

    /// <summary>
    /// Makes a change. A change of method without a secret leaves none: what one Git host was given is no secret for another. With an overlap the old one counts
    /// until then, by its own method.
    /// </summary>
    /// <returns>Particulars for the audit log; empty when there was nothing to change.</returns>
    public async Task<IReadOnlyDictionary<string, string>> ChangeAsync(
        StoreContext context, Source source, WebhookChange change, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var detail = new Dictionary<string, string>();
        if (!change.Changes(source))
            return detail;

        // The wake-up row first: from the commit on, no delivery that was verified against the old secrets is accepted.
        await SourceWakeups.ChangeSecretsAsync(context, source.Id, cancellationToken);
        var (hadSecret, username) = (source.WebhookSecret is { } old && SecretRotation.HasCurrent(old), source.WebhookSecret?.Username);
        detail["webhook.before"] = source.WebhookAuth;
        detail["webhook.after"] = change.Method.Name;
        Apply(source, change, now);

        var row = source.WebhookSecret;
        var hasSecret = row is not null && SecretRotation.HasCurrent(row);
        if (change.Secret is not null || hasSecret != hadSecret)
            detail["webhook.secret"] = hasSecret ? "set" : "removed";
        if (row?.Username != username)
            (detail["webhook.username.before"], detail["webhook.username.after"]) = (username ?? "", row?.Username ?? "");
        if (row?.PreviousValidUntil is { } until)
            detail["webhook.previousValidUntil"] = until.UtcDateTime.ToString("O");
        return detail;
    }

    /// <summary>Sets a generated secret of the source's method; the user name stays.</summary>
    /// <returns>The row.</returns>
    public async Task<SecretRow> RotateAsync(
        StoreContext context, Source source, string secret, int? overlapSeconds, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await SourceWakeups.ChangeSecretsAsync(context, source.Id, cancellationToken);
        var row = source.WebhookSecret ??= NewRow(source, now);
        rotation.Set(row, WebhookSecretStorage.PlaceOf(source.Id), new NewSecret(MethodOf(source), secret, row.Username), overlapSeconds, now);
        return row;
    }

    /// <summary>Revokes every secret; the user name stays, for the next.</summary>
    /// <returns>Whether there was anything to revoke.</returns>
    public static async Task<bool> RevokeAsync(StoreContext context, Source source, CancellationToken cancellationToken)
    {
        if (source.WebhookSecret is not { } row || (!SecretRotation.HasCurrent(row) && row.PreviousAuth is null))
            return false;
        await SourceWakeups.RevokeSecretsAsync(context, source.Id, cancellationToken);
        SecretRotation.Forget(row);
        RemoveEmpty(source);
        return true;
    }

    private static SecretRow NewRow(Source source, DateTimeOffset now) => new() { SourceId = source.Id, Auth = source.WebhookAuth, CreatedAt = now };

    private static void RemoveEmpty(Source source)
    {
        if (source.WebhookSecret is { SecretHash: null, SecretEncrypted: null, PreviousAuth: null, Username: null })
            source.WebhookSecret = null;
    }

    private void Apply(Source source, WebhookChange change, DateTimeOffset now)
    {
        var otherMethod = change.Method.Name != source.WebhookAuth;
        source.WebhookAuth = change.Method.Name;
        var row = source.WebhookSecret ??= NewRow(source, now);
        var username = change.NamesUser ? change.Username : row.Username;
        if (change.Secret is { } secret)
            rotation.Set(row, WebhookSecretStorage.PlaceOf(source.Id), new NewSecret(change.Method, secret, username), change.OverlapSeconds, now);
        else if (otherMethod)
            rotation.Retire(row, WebhookSecretStorage.PlaceOf(source.Id), change.OverlapSeconds, now);
        else if (change.OverlapSeconds is { } seconds)
            SecretRotation.SetOverlap(row, seconds, now);
        (row.Auth, row.Username) = (change.Method.Name, username);
        RemoveEmpty(source);
    }
}
