using Ampora.Contracts;
using Ampora.Wakeups;

namespace Ampora.Conformance;

/// <summary>
/// What every implementation of <see cref="IWakeupStore"/> must do, as its documentation says. A test project derives one class for
/// each implementation; so the model that the simulation runs over and the SQL cannot part.
/// </summary>
public abstract partial class WakeupStoreConformance : IAsyncLifetime
{
    private const string Host = "git.test:443";
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static int s_ids;
    private StoreUnderTest? _under;

    /// <summary>Any time that is surely past every delay that ends by itself.</summary>
    protected static TimeSpan Soon => TimeSpan.FromMilliseconds(300);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private StoreUnderTest Under => _under!;

    private IWakeupStore Store => Under.Store;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _under = await OpenAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_under is not null)
            await _under.DisposeAsync();
    }

    /// <summary>Makes an empty store.</summary>
    protected abstract Task<StoreUnderTest> OpenAsync();

    private static string NewId(string prefix) => $"{prefix}_{Interlocked.Increment(ref s_ids):d6}";

    private static WebhookAsk Webhook(string source, long secretVersion = 1, string? ignoredBecause = null) => new(
        source, secretVersion, new Delivery(NewId("dlv"), DateTimeOffset.UnixEpoch.AddYears(56), "token", "push", "192.0.2.1", "current", ignoredBecause));

    private static WebhookAsk Announcing(string source, string? sha, DateTimeOffset? receivedAt = null) =>
        Of(source, delivery => delivery with { AnnouncedSha = sha, ReceivedAt = receivedAt ?? delivery.ReceivedAt });

    private static WebhookAsk Of(string source, Func<Delivery, Delivery> with)
    {
        var ask = Webhook(source);
        return ask with { Delivery = with(ask.Delivery) };
    }

    private static ManualAsk Manual(string source) => new(source, NewId("req"), "token:ops");

    private async Task<AskOutcome> AskAsync(Ask ask) => Assert.Single(await Store.AskAsync([ask], Token));

    private async Task<Claim> ClaimAsync(string source, string owner = "sweeper-1")
    {
        var claim = (await Store.ClaimAsync(source, owner, Token)).Claim;
        Assert.NotNull(claim);
        return claim;
    }

    private async Task AssertNotClaimableAsync(string source) => Assert.Null((await Store.ClaimAsync(source, "sweeper-2", Token)).Claim);

    /// <summary>Creates a source and finishes its first check at tip <c>a</c>.</summary>
    private async Task CreateSyncedAsync(string source, string host = Host, TimeSpan? interval = null)
    {
        await Under.CreateAsync(source, host, interval ?? Minute);
        await FinishAsync(await ClaimAsync(source), "a");
    }

    private async Task<FinishResult> FinishAsync(Claim claim, string sha) => await Store.FinishAsync(claim, await FoundAsync(claim, sha), Token);

    private async Task<FinishResult> SkipAsync(Claim claim, string sha) => await Store.FinishAsync(claim, await FoundAsync(claim, sha, skipped: true), Token);

    private async Task<FinishResult> PostponeAsync(Claim claim, long? done = null, long? covers = null, TimeSpan? by = null, Run? run = null) =>
        await Store.PostponeAsync(
            claim,
            new PostponedCheck
            {
                Done = done ?? claim.Done,
                RereadCovers = covers ?? claim.Covered,
                RereadAt = claim.ClaimedAt + (by ?? Under.Policy.RereadEvery),
                Run = run,
                Message = run is null ? null : new OutboxMessage(RunIds.MessageId(claim), run.Summary),
            },
            Token);

    private async Task<FinishResult> FailAsync(Claim claim, TimeSpan? backOff = null, TimeSpan? retryAfter = null)
    {
        var error = new RunError("timeout", "no answer", "look at the host");
        var run = claim.Failures == 0 ? await RunAsync(claim, null, error) : null;
        return await Store.FailAsync(
            claim,
            new FailedCheck
            {
                Error = error,
                BackOff = backOff ?? TimeSpan.FromSeconds(8),
                RetryAfter = retryAfter,
                Run = run,
                Message = run is null ? null : new OutboxMessage(RunIds.MessageId(claim), run.Summary),
            },
            Token);
    }

    /// <summary>What a check that found this tip commits; its tree is staged.</summary>
    private async Task<FinishedCheck> FoundAsync(Claim claim, string sha, bool skipped = false)
    {
        var moved = sha == claim.TipSha && !skipped ? null : new CheckResult.Moved
        {
            Sha = sha,
            RefName = "refs/heads/main",
            Skipped = skipped,
            Commit = new CommitSummary("A <a@test>", $"make {sha}", DateTimeOffset.UnixEpoch.AddYears(56)),
            Parents = ["p"],
            Forced = false,
            Reused = false,
            Changes = [new PathChange("file", "added")],
            ChangesTruncated = false,
            Counts = new ChangeCounts(1, 0, 0),
        };
        if (moved is not null)
            await Under.StageAsync(claim, sha);
        var run = moved is null or { Skipped: true } && claim is { HasRun: true, Failures: 0 } ? null : await RunAsync(claim, sha, null);
        return new FinishedCheck
        {
            TipSha = sha,
            RefName = "refs/heads/main",
            Moved = moved,
            Run = run,
            Message = run is null ? null : new OutboxMessage(RunIds.MessageId(claim), run.Summary),
        };
    }

    private async Task<Run> RunAsync(Claim claim, string? sha, RunError? error) => new()
    {
        Summary = new SyncRunCompleted
        {
            RunId = RunIds.RunId(claim),
            SourceId = claim.SourceId,
            Url = claim.Url,
            Ref = claim.Ref,
            Trigger = claim.Trigger,
            TriggeredBy = await Store.ReadTriggersAsync(claim, SyncRunCompleted.MaxTriggeredBy, Token),
            Outcome = error is null ? "succeeded" : "failed",
            RecoveredAfterFailures = error is null ? claim.Failures : 0,
            PreviousSha = claim.TipSha,
            Sha = sha,
            Changes = [new PathChange("file", "added")],
            Counts = new ChangeCounts(1, 0, 0),
            RequestedAt = claim.AskedAt,
            StartedAt = claim.ClaimedAt,
            CompletedAt = claim.ClaimedAt,
            Error = error,
        },
        Changes = [new PathChange("file", "added")],
        ChangesTruncated = false,
        QueueTime = TimeSpan.Zero,
        TipTime = TimeSpan.FromMilliseconds(5),
        FetchTime = TimeSpan.Zero,
        StoreTime = TimeSpan.Zero,
    };
}
