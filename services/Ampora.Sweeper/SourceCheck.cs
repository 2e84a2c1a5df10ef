using System.Data.Common;
using System.Diagnostics;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Git;
using Ampora.Hosting.Telemetry;
using Ampora.Store.Model;
using Ampora.Wakeups;
using Microsoft.Extensions.Options;

namespace Ampora.Sweeper;

/// <summary>
/// Checks a claimed source: reads the real tip and, when it is new, sees to it that its whole tree is stored. Nothing becomes visible
/// here: that is the finish of the claim. Safe for concurrent use.
/// </summary>
internal sealed partial class SourceCheck(
    SourceSettings settings,
    TipReader tips,
    GitFetcher fetcher,
    Trees trees,
    Ancestry ancestry,
    IOptions<GitLimits> git,
    IOptions<SweeperLimits> limits,
    TimeProvider time,
    ILogger<SourceCheck> logger) : ICheck, IDisposable
{
    // A tip that is pushed over between reading and fetching is simply read again; a branch that moves faster waits for its next check.
    private const int MaxReads = 3;

    private readonly SemaphoreSlim _fetches = new(limits.Value.FetchesAtOnce);

    public async Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken)
    {
        var stages = new Stages();
        try
        {
            return await CheckAsync(claim, stages, cancellationToken);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            // The lease is lost or the process stops: whatever was thrown is only how that showed.
            throw new OperationCanceledException(cancellationToken);
        }
        catch (GitException e)
        {
            return Fail(stages, new RunError(e.Code, e.Message, e.Remedy), e.RetryAfter);
        }
        catch (Exception e) when (!IsStoreAway(e))
        {
            // Once for each row of failures; the source's state keeps saying it. A store that is away is no failure of the source:
            // that goes on to the caller, which gives the claim back.
            if (claim.Failures == 0)
                Log.Unexpected(logger, e, claim.SourceId);
            return Fail(
                stages,
                new RunError("internal_error", $"The check ended in an unexpected {e.GetType().Name}.", "Look for the error in the sweeper's log."),
                retryAfter: null);
        }
    }

    public void Dispose() => _fetches.Dispose();

    private async Task<CheckResult> CheckAsync(Claim claim, Stages stages, CancellationToken cancellationToken)
    {
        var source = await settings.LoadAsync(claim, cancellationToken);
        for (var read = 1; ; read++)
        {
            var tip = await ReadTipAsync(claim, source, stages, cancellationToken);
            stages.Sha = tip.Sha;
            if (tip.Sha == claim.TipSha)
                return new CheckResult.Unchanged { Sha = tip.Sha, RefName = tip.RefName, TipTime = stages.Tip };

            if (await trees.FindSweepAsync(claim, tip.Sha, cancellationToken) is { } sweep)
                return await ReuseAsync(claim, source, tip, sweep, stages, cancellationToken);

            try
            {
                return await SweepAsync(claim, source, tip, stages, cancellationToken);
            }
            catch (GitException e) when (e.Code == "tip_moved" && read < MaxReads)
            {
                // Read again below.
            }
        }
    }

    private async Task<Tip> ReadTipAsync(Claim claim, CheckedSource source, Stages stages, CancellationToken cancellationToken)
    {
        using var activity = AmporaMetrics.Activities.StartActivity("tip");
        var started = time.GetTimestamp();
        try
        {
            return await tips.ReadAsync(source.Remote, claim.Ref, companions: 0, cancellationToken);
        }
        finally
        {
            var took = time.GetElapsedTime(started);
            stages.Tip += took;
            AmporaMetrics.TipCheckDuration.Record(took.TotalSeconds);
        }
    }

    private async Task<CheckResult> ReuseAsync(
        Claim claim, CheckedSource source, Tip tip, Sweep sweep, Stages stages, CancellationToken cancellationToken)
    {
        string[] parents = sweep.Parents.Length == 0 ? [] : sweep.Parents.Split(' ');
        var changes = await trees.CompareAsync(claim, source.TipConfig, tip.Sha, manifest: null, cancellationToken);
        return Moved(
            tip,
            new CommitSummary(sweep.Author, sweep.Subject, sweep.CommittedAt),
            parents,
            await ancestry.IsForcedAsync(claim, source, tip, parents, CacheKey(claim), cancellationToken),
            reused: true,
            changes,
            stages);
    }

    private async Task<CheckResult> SweepAsync(Claim claim, CheckedSource source, Tip tip, Stages stages, CancellationToken cancellationToken)
    {
        // The lease is renewed meanwhile, so that whoever waits here keeps the source.
        await _fetches.WaitAsync(cancellationToken);
        using var deadline = new CancellationTokenSource(git.Value.FetchDeadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await using var commit = await FetchAsync(claim, source, tip, stages, either.Token);
            var changes = await StoreAsync(claim, source, tip, commit, stages, either.Token);
            return Moved(
                tip,
                new CommitSummary(commit.Author, commit.Subject, commit.CommittedAt),
                commit.Parents,
                await ancestry.IsForcedAsync(claim, source, tip, commit.Parents, CacheKey(claim), either.Token),
                reused: false,
                changes,
                stages);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            throw new GitException(
                "timeout",
                $"Fetching and storing {tip.Sha} took longer than {git.Value.FetchDeadline.TotalSeconds:F0} s.",
                "Look whether the Git host is slow or the repository is large, and raise Ampora__Git__FetchDeadline if it has to be so.");
        }
        finally
        {
            _fetches.Release();
        }
    }

    private async Task<FetchedCommit> FetchAsync(Claim claim, CheckedSource source, Tip tip, Stages stages, CancellationToken cancellationToken)
    {
        using var activity = AmporaMetrics.Activities.StartActivity("fetch");
        var started = time.GetTimestamp();
        try
        {
            return await fetcher.FetchAsync(source.Remote, tip, claim.TipSha, CacheKey(claim), cancellationToken);
        }
        finally
        {
            var took = time.GetElapsedTime(started);
            stages.Fetch += took;
            AmporaMetrics.FetchDuration.Record(took.TotalSeconds);
        }
    }

    private async Task<TreeChanges> StoreAsync(
        Claim claim, CheckedSource source, Tip tip, FetchedCommit commit, Stages stages, CancellationToken cancellationToken)
    {
        using var activity = AmporaMetrics.Activities.StartActivity("store");
        var started = time.GetTimestamp();
        try
        {
            var manifest = await trees.StageAsync(claim, tip.Sha, commit, cancellationToken);
            return await trees.CompareAsync(claim, source.TipConfig, tip.Sha, manifest, cancellationToken);
        }
        finally
        {
            stages.Store += time.GetElapsedTime(started);
        }
    }

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

    private static CheckResult.Moved Moved(
        Tip tip, CommitSummary commit, IReadOnlyList<string> parents, bool forced, bool reused, TreeChanges changes, Stages stages) => new()
        {
            Sha = tip.Sha,
            RefName = tip.RefName,
            Commit = commit,
            Parents = parents,
            Forced = forced,
            Reused = reused,
            Changes = changes.Changes,
            ChangesTruncated = changes.Truncated,
            Counts = changes.Counts,
            TipTime = stages.Tip,
            FetchTime = stages.Fetch,
            StoreTime = stages.Store,
        };

    private static CheckResult.Failed Fail(Stages stages, RunError error, TimeSpan? retryAfter)
    {
        Activity.Current?.SetStatus(ActivityStatusCode.Error, error.Code);
        return new CheckResult.Failed
        {
            Error = error,
            Sha = stages.Sha,
            RetryAfter = retryAfter,
            TipTime = stages.Tip,
            FetchTime = stages.Fetch,
            StoreTime = stages.Store,
        };
    }

    private sealed class Stages
    {
        public string? Sha { get; set; }

        public TimeSpan Tip { get; set; }

        public TimeSpan Fetch { get; set; }

        public TimeSpan Store { get; set; }
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Error, "{SourceId}: the check ended in an error that nobody expected")]
        public static partial void Unexpected(ILogger logger, Exception error, string sourceId);
    }
}
