using System.Security.Cryptography;
using System.Text;
using Ampora.Store.Snapshots;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Scheduler.Tests;

public sealed class SnapshotRetentionSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Snapshots_too_many_go_and_a_source_that_cannot_be_read_holds_up_no_other(bool onPostgres)
    {
        using var file = new SqliteFile();
        await using var scheduler = await SchedulerProcess.CreateAsync(onPostgres ? await postgres.CreateDatabaseAsync(Token) : file.ConnectionString);
        await scheduler.CreateSourcesAsync(3, 3600);
        foreach (var source in (string[])["source-0", "source-1", "source-2"])
        {
            for (var i = 0; i < 5; i++)
                await StoreAsync(scheduler, source, i);
        }

        await scheduler.Database.WriteAsync(
            async (context, token) =>
            {
                // What is stored is old, and the oldest of source-1 is its latest again.
                foreach (var snapshot in await context.Snapshots.ToListAsync(token))
                    (snapshot.Visible, snapshot.StoredAt) = (true, snapshot.StoredAt.AddDays(-1));
                foreach (var blob in await context.Blobs.ToListAsync(token))
                    blob.StoredAt = blob.StoredAt.AddDays(-1);
                await context.SaveChangesAsync(token);
                await context.Wakeups.Where(w => w.SourceId == "source-1")
                    .ExecuteUpdateAsync(set => set.SetProperty(w => w.TipSha, "c0").SetProperty(w => w.TipConfig, 1), token);
                var kept = await context.Snapshots.Where(s => s.SourceId == "source-0" && s.Sha == "c4").Select(s => s.ManifestId).SingleAsync(token);
                await context.BlobChunks.Where(c => c.ContentId == kept).ExecuteDeleteAsync(token);
            },
            Token);

        var (done, failure) = await scheduler.SnapshotRetention.RunAsync(Token);
        Assert.IsType<InvalidDataException>(failure);
        // Of the first two snapshots, which are not counted, and no blob, since nobody knows which it needs; of the second one snapshot with its file, of the third two.
        Assert.Equal(1 + 1 + 2 + 2, done);
        await using var read = scheduler.Database.Read();
        var left = await read.Snapshots.OrderBy(s => s.SourceId).ThenBy(s => s.Sha).Select(s => s.SourceId + " " + s.Sha).ToListAsync(Token);
        Assert.Equal(
            ["source-0 c2", "source-0 c3", "source-0 c4", "source-1 c0", "source-1 c2", "source-1 c3", "source-1 c4", "source-2 c2", "source-2 c3", "source-2 c4"], left);
        Assert.Equal([5, 4, 3], await read.Blobs.GroupBy(b => b.SourceId).OrderBy(g => g.Key).Select(g => g.Count()).ToListAsync(Token));

        // The one that failed has its turn again, the others only when they have something to go.
        Assert.Equal(0, (await scheduler.SnapshotRetention.RunAsync(Token)).Done);
        await StoreAsync(scheduler, "source-2", 9);
        await scheduler.Database.WriteAsync((context, token) => context.Snapshots.ExecuteUpdateAsync(set => set.SetProperty(s => s.Visible, true), token), Token);
        Assert.Equal(2, (await scheduler.SnapshotRetention.RunAsync(Token)).Done);
    }

    private static async Task StoreAsync(SchedulerProcess scheduler, string source, int commit)
    {
        var content = Encoding.UTF8.GetBytes($"{source} {commit}");
        var id = Convert.ToHexStringLower(SHA256.HashData(content));
        var missing = await scheduler.Snapshots.FindMissingAsync(source, [id], Token);
        await using (var writer = scheduler.Snapshots.WriteBlobs(source))
        {
            await writer.AddAsync(id, content.Length, new MemoryStream(content), Token);
            await writer.FlushAsync(Token);
        }

        Assert.True(await scheduler.Snapshots.StageAsync(
            source, 1, $"c{commit}", new Manifest([new ManifestEntry("file", "100644", id, content.Length)]), missing.LookedAt, Token));
    }
}
