using System.Security.Cryptography;
using Ampora.Contracts;
using Ampora.Store.Snapshots;
using Ampora.Store.Wakeups;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Tests;

/// <summary>Stores trees of made-up blobs as sweepers do, and looks whether they can be read again.</summary>
public sealed class StoredTrees(TestStore store, SnapshotTimes times)
{
    public SnapshotStore Snapshots { get; } = new(store.Database, times);

    public SnapshotCollector Collector { get; } = new(store.Database, times);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A blob's id, made of its content as Git's is.</summary>
    public static string IdOf(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>Stages a tree of these files, storing what is missing of them.</summary>
    public async Task StageAsync(string sourceId, long config, string sha, IReadOnlyList<byte[]> files)
    {
        var contents = files.DistinctBy(IdOf).ToDictionary(IdOf, StringComparer.Ordinal);
        var manifest = new Manifest([.. files.Select((f, i) => new ManifestEntry($"file-{i:d6}", "100644", IdOf(f), f.Length))]);
        while (true)
        {
            var missing = await Snapshots.FindMissingAsync(sourceId, contents.Keys, Token);
            await using (var writer = Snapshots.WriteBlobs(sourceId))
            {
                foreach (var id in missing.ObjectIds)
                    await writer.AddAsync(id, contents[id].Length, new MemoryStream(contents[id]), Token);
                await writer.FlushAsync(Token);
            }

            if (await Snapshots.StageAsync(sourceId, config, sha, manifest, missing.LookedAt, Token))
                return;
        }
    }

    /// <summary>Asks for a check, stages a tree and finishes with it: it is the current one then.</summary>
    public async Task SweepAsync(string sourceId, string sha, params byte[][] files)
    {
        var protocol = new WakeupProtocol(new SqlWakeupStore(store.Database, new WakeupPolicy()), new NoBus(), new WakeupPolicy(), $"sweeper-{Guid.NewGuid():n}");
        await protocol.AskAsync([new ManualAsk(sourceId, $"req_{Guid.NewGuid():n}", "test")], Token);
        await protocol.SweepAsync(sourceId, new Check(async claim => await StageAsync(sourceId, claim.Config, sha, files), sha), Token);
    }

    /// <summary>Reads every blob of every visible snapshot of a source in full, and hashes it.</summary>
    /// <returns>How many snapshots.</returns>
    public async Task<int> ReadAllAsync(string sourceId)
    {
        await using var context = store.Database.Read();
        var visible = await context.Snapshots.Where(s => s.SourceId == sourceId && s.Visible).Select(s => new { s.Config, s.Sha }).ToListAsync(Token);
        foreach (var snapshot in visible)
        {
            try
            {
                await foreach (var entry in Snapshots.StreamEntriesAsync(sourceId, snapshot.Config, snapshot.Sha, Token))
                {
                    await using var content = await Snapshots.OpenBlobAsync(sourceId, entry.ObjectId, Token)
                        ?? throw new InvalidDataException($"The blob {entry.ObjectId} is not there.");
                    var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(content, Token));
                    if (hash != entry.ObjectId)
                        throw new InvalidDataException($"The blob {entry.ObjectId} has the hash {hash}.");
                }
            }
            catch (InvalidDataException e)
            {
                // Retention may have taken the snapshot while it was read; one that is still there must be whole.
                Assert.False(
                    await context.Snapshots.AnyAsync(s => s.SourceId == sourceId && s.Config == snapshot.Config && s.Sha == snapshot.Sha && s.Visible, Token),
                    $"{sourceId} {snapshot.Sha}: {e.Message}");
            }
        }

        return visible.Count;
    }

    /// <summary>How many rows there are.</summary>
    public async Task<(int Snapshots, int Blobs, int Contents)> CountAsync()
    {
        await using var context = store.Database.Read();
        return (
            await context.Snapshots.CountAsync(Token),
            await context.Blobs.CountAsync(Token),
            await context.BlobChunks.Select(c => c.ContentId).Distinct().CountAsync(Token));
    }

    /// <summary>Makes everything older than it is.</summary>
    public Task AgeAsync(TimeSpan by) => store.Database.WriteAsync(
        async (context, token) =>
        {
            foreach (var snapshot in await context.Snapshots.ToListAsync(token))
                snapshot.StoredAt -= by;
            foreach (var blob in await context.Blobs.ToListAsync(token))
                blob.StoredAt -= by;
            await context.SaveChangesAsync(token);
        },
        Token);

    /// <summary>What a check finds whose tree is staged.</summary>
    public static CheckResult.Moved Found(string sha, bool reused = false) => new()
    {
        Sha = sha,
        RefName = "refs/heads/main",
        Commit = new CommitSummary("A <a@test>", "change", DateTimeOffset.UnixEpoch),
        Parents = [],
        Forced = false,
        Reused = reused,
        Changes = [],
        ChangesTruncated = false,
        Counts = ChangeCounts.None,
    };

    private sealed class Check(Func<Claim, Task> stage, string sha) : ICheck
    {
        public async Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken)
        {
            if (claim.TipSha == sha)
                return new CheckResult.Unchanged { Sha = sha, RefName = "refs/heads/main" };
            await stage(claim);
            return Found(sha);
        }
    }

    public sealed class NoBus : IMessagePublisher
    {
        public Task PublishAsync(object message, Guid messageId, TimeSpan? timeToLive, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
