using Ampora.Database;
using Ampora.Git;
using Ampora.Git.Filtering;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Snapshots;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Sweeper;

/// <summary>Stores the trees of claimed sources, and finds those that are stored.</summary>
internal sealed class Trees(Database<StoreContext> database, SnapshotStore snapshots)
{
    /// <summary>Finds a sweep whose snapshot is complete and visible: its tree needs no fetch.</summary>
    public async Task<Sweep?> FindSweepAsync(Claim claim, string sha, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        return await context.Sweeps.AsNoTracking()
            .Where(sweep => sweep.SourceId == claim.SourceId && sweep.Config == claim.Config && sweep.Sha == sha)
            .Where(sweep => context.Snapshots.Any(s => s.SourceId == sweep.SourceId && s.Config == sweep.Config && s.Sha == sweep.Sha && s.Visible))
            .SingleOrDefaultAsync(cancellationToken);
    }

    /// <summary>Stores a fetched tree, invisible until the check's finish: first the blobs that are missing, then the manifest that names them.</summary>
    public async Task<Manifest> StageAsync(Claim claim, string sha, FetchedCommit commit, CancellationToken cancellationToken)
    {
        var manifest = new Manifest(new FetchedEntries(commit.Entries));
        var blobs = commit.Entries.Where(e => e.Size is not null).Select(e => e.ObjectId).ToHashSet(StringComparer.Ordinal);
        while (true)
        {
            var missing = await snapshots.FindMissingAsync(claim.SourceId, blobs, cancellationToken);
            if (missing.ObjectIds.Count > 0)
            {
                await using var writer = snapshots.WriteBlobs(claim.SourceId);
                await commit.ReadBlobsAsync(missing.ObjectIds, writer.AddAsync, cancellationToken);
                await writer.FlushAsync(cancellationToken);
            }

            // False only when the machine slept in between: then the blobs may be gone.
            if (await snapshots.StageAsync(claim.SourceId, claim.Config, sha, manifest, missing.LookedAt, cancellationToken))
                return manifest;
        }
    }

    /// <summary>Compares a tree with the known tip's.</summary>
    /// <param name="claim">The claim, which knows the tip.</param>
    /// <param name="after">The new tip's tree.</param>
    /// <param name="filter">Which paths count.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<TreeChanges> CompareAsync(Claim claim, IEnumerable<ManifestEntry> after, PathFilter filter, CancellationToken cancellationToken)
    {
        if (claim.TipSha is null || claim.TipConfig is null)
            return TreeChanges.Between(null, after, filter, cancellationToken);
        return await snapshots.ReadEntriesAsync(claim.SourceId, claim.TipConfig.Value, claim.TipSha, staged: false, cancellationToken) is { } before
            ? TreeChanges.Between(before, after, filter, cancellationToken)
            : TreeChanges.Unknown;
    }

    /// <summary>Compares a tree that is stored with the known tip's; null when its snapshot has gone since it was found.</summary>
    public async Task<TreeChanges?> CompareStoredAsync(Claim claim, string sha, PathFilter filter, CancellationToken cancellationToken) =>
        await snapshots.ReadEntriesAsync(claim.SourceId, claim.Config, sha, staged: false, cancellationToken) is { } after
            ? await CompareAsync(claim, after, filter, cancellationToken)
            : null;
}
