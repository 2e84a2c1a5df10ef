using Ampora.Contracts;
using Ampora.Simulation.Engine;
using Ampora.Simulation.Proof;
using Ampora.Simulation.World;
using Ampora.Wakeups;

namespace Ampora.Simulation.Services;

/// <summary>A check as the Sweeper does it, against a simulated Git host: the tip, the tree that is kept or a fetch, the stage.</summary>
public sealed class SimulatedCheck(Timeline timeline, SimulatedProcess process, StoreConnection store, Func<string, GitHost> hostOf, Knowledge known) : ICheck
{
    // The Sweeper's deadline for a tip.
    private static readonly TimeSpan TipDeadline = TimeSpan.FromSeconds(10);

    public async Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken)
    {
        known.NoteChecking(claim, isChecking: true);
        try
        {
            return await CheckAsync(claim, cancellationToken);
        }
        finally
        {
            known.NoteChecking(claim, isChecking: false);
        }
    }

    private async Task<CheckResult> CheckAsync(Claim claim, CancellationToken cancellationToken)
    {
        var host = hostOf(claim.Host);
        await PassAsync(0.001, 0.01, cancellationToken);
        switch (host.Mood)
        {
            case HostMood.Hung:
                await Task.Delay(TipDeadline, process.Clock, cancellationToken);
                return Failed("timeout");
            case HostMood.Failing:
                return Failed("unreachable");
            case HostMood.Busy:
                var wish = TimeSpan.FromTicks(Math.Max(0, host.BusyUntil - timeline.Now)) + TimeSpan.FromSeconds(timeline.Chance.Next(0, 5));
                if (timeline.Happens(0.5))
                    return Failed("rate_limited");
                known.NoteRetryAfter(claim, wish);
                return Failed("rate_limited", wish);
            case HostMood.Slow:
                await PassAsync(0.5, 8, cancellationToken);
                break;
        }

        var tip = host.Show(claim.Url);
        known.NoteRead(claim, tip.Sha);
        timeline.Trace.Note(timeline.Now, process.Name, "reads", tip.Sha);
        await PassAsync(0.001, 0.01, cancellationToken);
        if (tip.Sha == claim.TipSha)
            return new CheckResult.Unchanged { Sha = tip.Sha, RefName = "refs/heads/main" };

        var isKept = await store.HasTreeAsync(claim, tip.Sha, cancellationToken);
        if (!isKept)
        {
            // A clone may take longer than a lease.
            await PassAsync(0.01, timeline.Happens(0.1) || host.Mood == HostMood.Slow ? 25 : 0.1, cancellationToken);
            if (timeline.Happens(0.1))
            {
                tip = host.Show(claim.Url);
                known.NoteRead(claim, tip.Sha);
                if (tip.Sha == claim.TipSha)
                    return new CheckResult.Unchanged { Sha = tip.Sha, RefName = "refs/heads/main" };
            }

            await store.StageAsync(claim, tip.Sha, cancellationToken);
        }

        // Comparing two large trees takes its time, in which one of them may go.
        await PassAsync(0.0005, timeline.Happens(0.1) ? 2 : 0.005, cancellationToken);
        return new CheckResult.Moved
        {
            Sha = tip.Sha,
            RefName = "refs/heads/main",
            Skipped = tip.IsOutside && known.Find(claim.SourceId) is { HasFilter: true },
            Commit = new CommitSummary("A <a@test>", "change", ProcessClock.Start),
            Parents = [],
            Forced = false,
            Reused = isKept,
            Changes = [],
            ChangesTruncated = false,
            Counts = new ChangeCounts(1, 0, 0),
        };
    }

    private static CheckResult.Failed Failed(string code, TimeSpan? retryAfter = null) =>
        new() { Error = new RunError(code, "the host is not well", "look at the host"), RetryAfter = retryAfter };

    private Task PassAsync(double leastSeconds, double mostSeconds, CancellationToken cancellationToken) =>
        Task.Delay(timeline.Between(leastSeconds, mostSeconds), process.Clock, cancellationToken);
}
