using System.Data.Common;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Git;
using Ampora.Hosting.Telemetry;
using Ampora.Wakeups;
using Microsoft.Extensions.Options;

namespace Ampora.Sweeper;

/// <summary>
/// Checks a claimed source: reads the real tip and, when it is new, sees to it that it may be taken and that its whole tree is stored. Nothing becomes visible
/// here: that is the finish of the claim. Safe for concurrent use.
/// </summary>
internal sealed partial class SourceCheck(
    SourceSettings settings,
    TipReader tips,
    GitFetcher fetcher,
    FetchPlaces places,
    Verification verification,
    Trees trees,
    Ancestry ancestry,
    IOptions<GitLimits> git,
    TimeProvider time,
    ILogger<SourceCheck> logger) : ICheck
{
    // A tip that is pushed over between reading and fetching is simply read again; a branch that moves faster waits for its next check.
    private const int MaxReads = 3;

    public async Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken)
    {
        var progress = new CheckProgress();
        try
        {
            return await CheckAsync(claim, progress, cancellationToken);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            // The lease is lost or the process stops: whatever was thrown is only how that showed.
            throw new OperationCanceledException(cancellationToken);
        }
        catch (GitException e)
        {
            return progress.Failed(new RunError(e.Code, e.Message, e.Remedy), e.RetryAfter);
        }
        catch (Exception e) when (!IsStoreAway(e))
        {
            // Once for each row of failures; the source's state keeps saying it. A store that is away is no failure of the source:
            // that goes on to the caller, which gives the claim back.
            if (claim.Failures == 0)
                Log.Unexpected(logger, e, claim.SourceId);
            return progress.Failed(
                new RunError("internal_error", $"The check ended in an unexpected {e.GetType().Name}.", "Look for the error in the sweeper's log."),
                retryAfter: null);
        }
    }

    private async Task<CheckResult> CheckAsync(Claim claim, CheckProgress progress, CancellationToken cancellationToken)
    {
        var source = await settings.LoadAsync(claim, cancellationToken);
        for (var read = 1; ; read++)
        {
            var tip = progress.Tip = await ReadTipAsync(claim, source, progress, cancellationToken);
            ResolvedRef.CheckKind(claim, tip);
            if (tip.Sha == claim.TipSha && !Verification.IsDue(claim, source))
                return progress.Unchanged(tip);

            if (await ReuseAsync(claim, source, tip, progress, cancellationToken) is { } reused)
                return reused;

            try
            {
                return await SweepAsync(claim, source, tip, progress, cancellationToken);
            }
            catch (GitException e) when (e.Code == "tip_moved" && read < MaxReads)
            {
                // Read again below.
            }
        }
    }

    private async Task<Tip> ReadTipAsync(Claim claim, CheckedSource source, CheckProgress progress, CancellationToken cancellationToken)
    {
        if (ResolvedRef.IsSettled(claim))
            return new Tip(claim.Ref, claim.Ref);
        using var activity = AmporaMetrics.Activities.StartActivity("tip");
        var started = time.GetTimestamp();
        try
        {
            return await tips.ReadAsync(source.Remote, claim.Ref, claim.Companions, cancellationToken);
        }
        finally
        {
            var took = time.GetElapsedTime(started);
            progress.TipTime += took;
            AmporaMetrics.TipCheckDuration.Record(took.TotalSeconds);
        }
    }

    /// <returns>Null when the tree is not stored under these settings; one that is, was verified under them.</returns>
    private async Task<CheckResult?> ReuseAsync(Claim claim, CheckedSource source, Tip tip, CheckProgress progress, CancellationToken cancellationToken)
    {
        if (await trees.FindSweepAsync(claim, tip.Sha, cancellationToken) is not { } sweep
            || await trees.CompareStoredAsync(claim, tip.Sha, source.Filter, cancellationToken) is not { } changes)
        {
            return null;
        }

        string[] parents = sweep.Parents.Length == 0 ? [] : sweep.Parents.Split(' ');
        return progress.Moved(
            tip,
            new CommitSummary(sweep.Author, sweep.Subject, sweep.CommittedAt),
            parents,
            changes,
            IsSkipped(claim, source, tip, changes),
            await ancestry.IsForcedAsync(claim, source, tip, parents, CacheKey(claim), cancellationToken),
            reused: true);
    }

    private async Task<CheckResult> SweepAsync(Claim claim, CheckedSource source, Tip tip, CheckProgress progress, CancellationToken cancellationToken)
    {
        // The lease is renewed meanwhile, so that whoever waits here keeps the source.
        using var place = await places.TakeAsync(source.Remote, claim.IsSlow, cancellationToken);
        using var deadline = new CancellationTokenSource(git.Value.FetchDeadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await using var commit = await FetchAsync(claim, source, tip, progress, either.Token);
            var changes = await StoreAsync(claim, source, tip, commit, progress, either.Token);
            return progress.Moved(
                tip,
                new CommitSummary(commit.Author, commit.Subject, commit.CommittedAt),
                commit.Parents,
                changes,
                IsSkipped(claim, source, tip, changes),
                await ancestry.IsForcedAsync(claim, source, tip, commit.Parents, CacheKey(claim), either.Token),
                reused: false);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            throw new GitException(
                "timeout",
                $"Fetching and storing {tip.Sha} took longer than {git.Value.FetchDeadline.TotalSeconds:F0} s.",
                "Look whether the Git host is slow or the repository is large, and raise Ampora__Git__FetchDeadline if it has to be so.");
        }
    }

    /// <returns>The commit, which may be taken.</returns>
    private async Task<FetchedCommit> FetchAsync(Claim claim, CheckedSource source, Tip tip, CheckProgress progress, CancellationToken cancellationToken)
    {
        using var activity = AmporaMetrics.Activities.StartActivity("fetch");
        var started = time.GetTimestamp();
        FetchedCommit? commit = null;
        try
        {
            commit = await fetcher.FetchAsync(source.Remote, tip, claim.TipSha, CacheKey(claim), cancellationToken);
            await verification.VerifyAsync(claim, source, tip, commit, cancellationToken);
            return commit;
        }
        catch when (commit is not null)
        {
            await commit.DisposeAsync();
            throw;
        }
        finally
        {
            var took = time.GetElapsedTime(started);
            progress.FetchTime += took;
            AmporaMetrics.FetchDuration.Record(took.TotalSeconds);
        }
    }

    private async Task<TreeChanges> StoreAsync(
        Claim claim, CheckedSource source, Tip tip, FetchedCommit commit, CheckProgress progress, CancellationToken cancellationToken)
    {
        using var activity = AmporaMetrics.Activities.StartActivity("store");
        var started = time.GetTimestamp();
        try
        {
            var manifest = await trees.StageAsync(claim, tip.Sha, commit, cancellationToken);
            return await trees.CompareAsync(claim, manifest.Entries, source.Filter, cancellationToken);
        }
        finally
        {
            progress.StoreTime += time.GetElapsedTime(started);
        }
    }

    // Without a filter each transition is a run, one that changes no file among them. A known tip was only verified again.
    private static bool IsSkipped(Claim claim, CheckedSource source, Tip tip, TreeChanges changes) =>
        tip.Sha == claim.TipSha || (!source.Filter.IsEverything && changes.IsEmpty);

    private static bool IsStoreAway(Exception error)
    {
        for (var e = error; e is not null; e = e.InnerException)
        {
            if (e is CommitOutcomeUnknownException || (e is DbException && (TransientErrors.IsTransient(e) || TransientErrors.IsConnectionLost(e))))
                return true;
        }

        return false;
    }

    // A cache is of one incarnation of a source under one version of its settings: another URL or credential never meets what these brought.
    private static string CacheKey(Claim claim) => $"{claim.SourceUid:n}-{claim.Config}";

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Error, "{SourceId}: the check ended in an error that nobody expected")]
        public static partial void Unexpected(ILogger logger, Exception error, string sourceId);
    }
}
