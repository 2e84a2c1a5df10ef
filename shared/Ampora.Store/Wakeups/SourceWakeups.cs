namespace Ampora.Store.Wakeups;

/// <summary>
/// What the Console does to wake-up rows, in the transaction that changes the source. Each call works on the context's connection and
/// current transaction, inside <c>Database.WriteAsync</c>. Callers touch the wake-up row first and sequences last, as the sweepers do.
/// </summary>
public static class SourceWakeups
{
    /// <summary>Makes the row of a new source and asks for its first check (as a manual request).</summary>
    public static Task CreateAsync(StoreContext context, NewWakeup wakeup, string requestId, string actor, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>
    /// Notes that URL, ref, credential or globs changed: raises fence and config, ends the lease, clears back-off and failures' waiting, and asks for a check.
    /// </summary>
    public static Task ChangeSettingsAsync(
        StoreContext context, string sourceId, string host, string requestId, string actor, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Notes another poll interval; the next poll is due within the new one.</summary>
    public static Task ChangePollIntervalAsync(StoreContext context, string sourceId, int seconds, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>Pauses: raises the fence, so that a check in flight cannot finish.</summary>
    public static Task PauseAsync(StoreContext context, string sourceId, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Resumes, and asks for a check.</summary>
    public static Task ResumeAsync(StoreContext context, string sourceId, string requestId, string actor, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>
    /// Asks for a check, as <see cref="Ampora.Wakeups.IWakeupStore.AskAsync"/> does for a manual request, but in the current transaction, so that the audit entry is
    /// committed with it.
    /// </summary>
    public static Task<Ampora.Wakeups.AskOutcome> AskAsync(
        StoreContext context, string sourceId, string requestId, string actor, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Raises the version of the webhook's secrets; from the commit on no delivery verified against the old ones is accepted.</summary>
    public static Task ChangeSecretsAsync(StoreContext context, string sourceId, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>The database's clock (SQLite: the process's).</summary>
    public static Task<DateTimeOffset> NowAsync(StoreContext context, CancellationToken cancellationToken) => throw new NotImplementedException();
}

/// <summary>What a new source's wake-up row starts with.</summary>
/// <param name="SourceId">The slug.</param>
/// <param name="Host">The Git host's authority, lower-case <c>name:port</c>.</param>
/// <param name="PollIntervalSeconds">Seconds between polls.</param>
/// <param name="Paused">Whether it starts paused; then no check is asked for.</param>
public sealed record NewWakeup(string SourceId, string Host, int PollIntervalSeconds, bool Paused);
