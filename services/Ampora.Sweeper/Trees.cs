using Ampora.Contracts;
using Ampora.Database;
using Ampora.Git;
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
        var manifest = new Manifest([.. commit.Entries.Select(e => new ManifestEntry(e.Path, e.Mode, e.ObjectId, e.Size))]);
        var blobs = manifest.Entries.Where(e => e is { IsDirectory: false, IsSubmodule: false }).Select(e => e.ObjectId).ToHashSet(StringComparer.Ordinal);
        while (true)
        {
            var missing = await snapshots.FindMissingAsync(claim.SourceId, blobs, cancellationToken);
            if (missing.ObjectIds.Count > 0)
            {
                await using var writer = snapshots.WriteBlobs(claim.SourceId);
                await commit.ReadBlobsAsync([.. missing.ObjectIds], writer.AddAsync, cancellationToken);
                await writer.FlushAsync(cancellationToken);
            }

            // False only when the machine slept in between: then the blobs may be gone.
            if (await snapshots.StageAsync(claim.SourceId, claim.Config, sha, manifest, missing.LookedAt, cancellationToken))
                return manifest;
        }
    }

    /// <summary>Compares a tree with the known tip's.</summary>
    /// <param name="claim">The claim, which knows the tip.</param>
    /// <param name="tipConfig">The version of the settings under which the known tip was stored.</param>
    /// <param name="sha">The new tip.</param>
    /// <param name="manifest">Its tree, when it is at hand; otherwise it is read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<TreeChanges> CompareAsync(Claim claim, long? tipConfig, string sha, Manifest? manifest, CancellationToken cancellationToken)
    {
        manifest ??= await snapshots.ReadManifestAsync(claim.SourceId, claim.Config, sha, staged: false, cancellationToken)
            ?? throw new InvalidOperationException($"The snapshot of {sha} vanished while it was compared.");
        if (claim.TipSha is null || tipConfig is null)
            return TreeChanges.Between(null, manifest);

        // Without the old tree nobody can say what changed, and an invented answer would be worse than none.
        return await snapshots.ReadManifestAsync(claim.SourceId, tipConfig.Value, claim.TipSha, staged: false, cancellationToken) is { } before
            ? TreeChanges.Between(before, manifest)
            : new TreeChanges([], Truncated: true, ChangeCounts.None);
    }
}
