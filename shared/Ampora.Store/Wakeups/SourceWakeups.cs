using Ampora.Store.Sql;
using Ampora.Store.Wakeups.Sql;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>
/// What the Console does to wake-up rows, in the transaction that changes the source. Each call works on the context's connection and
/// current transaction, inside <c>Database.WriteAsync</c>. Callers touch the wake-up row first and sequences last, as the sweepers do.
/// </summary>
public static class SourceWakeups
{
    private static readonly WakeupPolicy Policy = new();

    /// <summary>Makes the row of a new source, whose own row is saved before, and asks for its first check (as a manual request).</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="wakeup">What the row starts with.</param>
    /// <param name="requestId">The id of the request for the first check.</param>
    /// <param name="actor">Who created the source.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task CreateAsync(StoreContext context, NewWakeup wakeup, string requestId, string actor, CancellationToken cancellationToken)
    {
        await ExecuteAsync(
            context,
            SourceStatements.Create,
            wakeup.SourceId,
            [
                ("host", wakeup.Host),
                ("remote", wakeup.Remote),
                ("paused", wakeup.Paused),
                ("seconds", wakeup.PollIntervalSeconds),
                ("adaptive", wakeup.Adaptive),
                ("random", Random.Shared.NextDouble()),
            ],
            cancellationToken);
        await AskAsync(context, wakeup.SourceId, requestId, actor, cancellationToken);
    }

    /// <summary>
    /// Notes that URL, ref, credential, globs or allowed signers changed: raises fence and config, ends the lease, clears back-off and failures' waiting and what was
    /// learnt of the remote, and asks for a check unless the source is paused.
    /// </summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="host">The Git host's authority, lower-case <c>name:port</c>, of the new settings.</param>
    /// <param name="remote">The repository's URL of the new settings, without credentials.</param>
    /// <param name="requestId">The id of the request for a check.</param>
    /// <param name="actor">Who changed it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task ChangeSettingsAsync(
        StoreContext context, string sourceId, string host, string remote, string requestId, string actor, CancellationToken cancellationToken)
    {
        await ExecuteAsync(context, SourceStatements.ChangeSettings, sourceId, [("host", host), ("remote", remote)], cancellationToken);
        await AskAsync(context, sourceId, requestId, actor, cancellationToken);
    }

    /// <summary>Notes another poll interval, which is in force at once, however far the old one had stretched; the next poll is due within it.</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="seconds">Seconds between polls.</param>
    /// <param name="adaptive">Whether the interval stretches while webhooks prove live.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task ChangePollIntervalAsync(StoreContext context, string sourceId, int seconds, bool adaptive, CancellationToken cancellationToken) =>
        ExecuteAsync(
            context,
            SourceStatements.ChangePollInterval,
            sourceId,
            [("seconds", seconds), ("adaptive", adaptive), ("random", Random.Shared.NextDouble())],
            cancellationToken);

    /// <summary>Pauses: raises the fence, so that a check in flight cannot finish.</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task PauseAsync(StoreContext context, string sourceId, CancellationToken cancellationToken) =>
        ExecuteAsync(context, SourceStatements.Pause, sourceId, [], cancellationToken);

    /// <summary>Resumes, and asks for a check.</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="requestId">The id of the request for a check.</param>
    /// <param name="actor">Who resumed it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task ResumeAsync(StoreContext context, string sourceId, string requestId, string actor, CancellationToken cancellationToken)
    {
        await ExecuteAsync(context, SourceStatements.Resume, sourceId, [], cancellationToken);
        await AskAsync(context, sourceId, requestId, actor, cancellationToken);
    }

    /// <summary>
    /// Asks for a check, as <see cref="IWakeupStore.AskAsync"/> does for a manual request, but in the current transaction, so that the audit entry is
    /// committed with it.
    /// </summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="requestId">The id of the request.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task<AskOutcome> AskAsync(
        StoreContext context, string sourceId, string requestId, string actor, CancellationToken cancellationToken) =>
        AskAsync(context, new ManualAsk(sourceId, requestId, actor), cancellationToken);

    /// <summary>The same for a request that names the delivery because of which it is made.</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="ask">The request.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<AskOutcome> AskAsync(StoreContext context, ManualAsk ask, CancellationToken cancellationToken) =>
        (await Asking.RunAsync(new StoreSession(context), [ask], Policy, cancellationToken))[0];

    /// <summary>Raises the version of the webhook's secrets; from the commit on no delivery verified against the old ones is accepted.</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task ChangeSecretsAsync(StoreContext context, string sourceId, CancellationToken cancellationToken) =>
        ExecuteAsync(context, SourceStatements.ChangeSecrets, sourceId, [], cancellationToken);

    /// <summary>The same when no secret is left: a source without webhooks misses none.</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task RevokeSecretsAsync(StoreContext context, string sourceId, CancellationToken cancellationToken)
    {
        await ChangeSecretsAsync(context, sourceId, cancellationToken);
        await ExecuteAsync(context, SourceStatements.ExpectNoWebhooks, sourceId, [], cancellationToken);
        await new StoreSession(context).ExecuteAsync(SourceStatements.ForgetUnannounced, [("id", sourceId)], cancellationToken);
    }

    /// <summary>
    /// Raises the version for every source whose repository is under a prefix, because an organisation's secret for them changes. Call it before the secret is written,
    /// in the same transaction: rows are locked in id order, as asks lock them.
    /// </summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="prefix">The prefix, normalised, such as <c>github.com/acme/</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How many sources there are under it.</returns>
    public static Task<int> ChangeSecretsUnderAsync(StoreContext context, string prefix, CancellationToken cancellationToken)
    {
        var root = prefix.TrimEnd('/');
        return new StoreSession(context).ExecuteAsync(
            SourceStatements.ChangeSecretsUnder, [("root", root), ("under", LikePrefix(root + "/"))], cancellationToken);
    }

    // For LIKE … ESCAPE '\'.
    private static string LikePrefix(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal) + "%";

    /// <summary>The database's clock (SQLite: the process's).</summary>
    /// <param name="context">The context; it need not be in a transaction.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<DateTimeOffset> NowAsync(StoreContext context, CancellationToken cancellationToken)
    {
        if (context is SqliteStoreContext sqlite)
            return UnixMicroseconds.ToTime(UnixMicroseconds.From(sqlite.Time.GetUtcNow()));
        var session = await StoreSession.OpenAsync(context, cancellationToken);
        try
        {
            return (await session.ReadAsync(SourceStatements.Now, [], row => row.Time(0), cancellationToken))[0];
        }
        finally
        {
            await session.CloseAsync();
        }
    }

    private static async Task ExecuteAsync(
        StoreContext context, Statement statement, string sourceId, (string Name, object? Value)[] parameters, CancellationToken cancellationToken)
    {
        if (await new StoreSession(context).ExecuteAsync(statement, [("id", sourceId), .. parameters], cancellationToken) == 0)
            throw new InvalidOperationException($"The source {sourceId} has no wake-up row.");
    }
}

/// <summary>What a new source's wake-up row starts with.</summary>
/// <param name="SourceId">The slug.</param>
/// <param name="Host">The Git host's authority, lower-case <c>name:port</c>.</param>
/// <param name="Remote">The repository's URL, without credentials, as the source has it.</param>
/// <param name="PollIntervalSeconds">Seconds between polls.</param>
/// <param name="Paused">Whether it starts paused; then no check is asked for.</param>
/// <param name="Adaptive">Whether the interval stretches while webhooks prove live.</param>
public sealed record NewWakeup(string SourceId, string Host, string Remote, int PollIntervalSeconds, bool Paused, bool Adaptive = false);
