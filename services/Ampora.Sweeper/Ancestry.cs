using Ampora.Database;
using Ampora.Git;
using Ampora.Store;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Sweeper;

/// <summary>Tells whether a new tip descends from the known one, from what is stored if that says it, else from the Git host.</summary>
internal sealed class Ancestry(Database<StoreContext> database, GitFetcher fetcher, TimeProvider time)
{
    // Only a word in the run depends on it: a slow host must not use up the fetch's deadline for that.
    private static readonly TimeSpan AskDeadline = TimeSpan.FromSeconds(15);

    /// <summary>Whether the update was forced. A first tip is not.</summary>
    /// <param name="claim">The claim, which knows the tip.</param>
    /// <param name="source">The repository to ask.</param>
    /// <param name="tip">The new tip.</param>
    /// <param name="parents">The new tip's parents.</param>
    /// <param name="cacheKey">Names the cache of the repository.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<bool> IsForcedAsync(
        Claim claim, CheckedSource source, Tip tip, IReadOnlyList<string> parents, string cacheKey, CancellationToken cancellationToken)
    {
        if (claim.TipSha is not { } known || known == tip.Sha || parents.Contains(known))
            return false;
        return await AskStoreAsync(claim, tip, known, cancellationToken)
            ?? await AskHostAsync(source, tip, known, cacheKey, cancellationToken);
    }

    private async Task<bool?> AskStoreAsync(Claim claim, Tip tip, string known, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var parentsOfKnown = await context.Sweeps
            .Where(s => s.SourceId == claim.SourceId && s.Config == claim.TipConfig && s.Sha == known)
            .Select(s => s.Parents)
            .SingleOrDefaultAsync(cancellationToken);
        if (parentsOfKnown?.Split(' ').Contains(tip.Sha) == true)
            return true;

        // Commits do not change their ancestors: an earlier run that went either way settles it.
        var earlier = await context.Runs
            .Where(r => r.SourceId == claim.SourceId && !r.Forced && r.Outcome == "succeeded")
            .Where(r => (r.PreviousSha == tip.Sha && r.Sha == known) || (r.PreviousSha == known && r.Sha == tip.Sha))
            .Select(r => r.PreviousSha)
            .FirstOrDefaultAsync(cancellationToken);
        return earlier is null ? null : earlier == tip.Sha;
    }

    private async Task<bool> AskHostAsync(CheckedSource source, Tip tip, string known, string cacheKey, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(AskDeadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return !await fetcher.IsAncestorAsync(source.Remote, tip, known, cacheKey, either.Token);
        }
        catch (Exception e) when (e is GitException || (e is OperationCanceledException && deadline.IsCancellationRequested))
        {
            cancellationToken.ThrowIfCancellationRequested();
            // The host cannot say, most often because it has dropped the old tip, which is what a forced update leaves behind. Telling
            // people to look at a push that was harmless is the cheaper mistake.
            return true;
        }
    }
}
