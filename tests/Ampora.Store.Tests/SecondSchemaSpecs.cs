using Ampora.Database;
using Ampora.Store.Snapshots;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Tests;

/// <summary>What a database of the second release holds is there after the upgrade, its trees too.</summary>
public sealed class SecondSchemaSpecs(PostgresServer postgres)
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddYears(56);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Wake_ups_missed_commits_and_trees_of_the_second_release_are_kept(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect, migrate: false);
        var large = Tree(90_000);
        var small = Tree(1);
        await using (var context = store.Database.Read())
        {
            await context.GetService<IMigrator>().MigrateAsync("20261121000000_Webhooks", Token);
            await InsertAsync(context, "fleet");
            await InsertAsync(context, "other");
            await InsertTreeAsync(context, "fleet", "large", large);
            await InsertTreeAsync(context, "fleet", "small", small);
            await InsertTreeAsync(context, "other", "small", small);
        }

        await store.Database.MigrateAsync(Token);

        await using var read = store.Database.Read();
        var wakeup = await read.Wakeups.SingleAsync(w => w.SourceId == "fleet", Token);
        Assert.Equal(("https://git.example/org/fleet.git", "git.example:443"), (wakeup.Remote, wakeup.Host));
        Assert.Equal((7, 6, 5, 2L, 3), (wakeup.Wanted, wakeup.Done, wakeup.WantedWebhook, wakeup.TipConfig, wakeup.MissedInRow));
        Assert.Equal((null, null, null, null, 0L), (wakeup.TipRef, wakeup.MovedTo, wakeup.SkippedSha, wakeup.SkippedAt, wakeup.SkippedTotal));
        Assert.Equal((60, 30, true, Now), (wakeup.PollIntervalSeconds, wakeup.BasePollIntervalSeconds, wakeup.Adaptive, wakeup.LastWebhookAt));
        Assert.Null((await read.Sources.SingleAsync(s => s.Id == "fleet", Token)).AllowedSigners);
        Assert.Equal(["run_1", "run_1"], await read.Unannounced.Select(u => u.RunId).ToListAsync(Token));

        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        Assert.Equal(large.Entries, (await snapshots.ReadManifestAsync("fleet", 2, "large", staged: false, Token))!.Entries);
        Assert.Equal(small.Entries, (await snapshots.ReadManifestAsync("fleet", 2, "small", staged: false, Token))!.Entries);
        Assert.Equal(small.Entries, (await snapshots.ReadManifestAsync("other", 2, "small", staged: false, Token))!.Entries);
        var sizes = await read.BlobChunks.Where(c => c.SourceId == "fleet").Select(c => c.Data.Length).ToListAsync(Token);
        Assert.True(sizes.Count > 3, "the large manifest is one piece");
        Assert.InRange(sizes.Max(), 1, PieceStream.PieceBytes);

        // Their pieces go with them, as those of new ones do.
        var collected = await new SnapshotCollector(store.Database, new SnapshotTimes()).CollectAsync("fleet", 1, Token);
        Assert.Equal((1, 1), (collected.Snapshots, await read.Snapshots.CountAsync(s => s.SourceId == "fleet", Token)));
        Assert.True(collected.Pieces > 0, "the removed manifest's pieces stayed");
        await read.Sources.ExecuteDeleteAsync(Token);
        Assert.Equal((0, 0, 0), (await read.Wakeups.CountAsync(Token), await read.Snapshots.CountAsync(Token), await read.BlobChunks.CountAsync(Token)));
    }

    private static Manifest Tree(int files)
    {
        var random = new Random(files);
        var id = new byte[20];
        return new Manifest([.. Enumerable.Range(0, files).Select(i =>
        {
            random.NextBytes(id);
            return new ManifestEntry($"src/file-{i:d7}", "100644", Convert.ToHexStringLower(id), i);
        })]);
    }

    private static async Task InsertAsync(StoreContext context, string id)
    {
        var url = $"https://git.example/org/{id}.git";
        var (now, uid) = Values(context);
        await context.Database.ExecuteSqlRawAsync(
            """
            INSERT INTO sources (id, uid, url, ref, poll_interval_seconds, polling, webhook_auth, version, created_at, updated_at)
            VALUES ({0}, {1}, {2}, 'main', 30, 'adaptive', 'token', 1, {3}, {3})
            """,
            [id, uid, url, now],
            Token);
        await context.Database.ExecuteSqlRawAsync(
            """
            INSERT INTO wakeups (source_id, wanted, done, wanted_webhook, wanted_manual, fence, config, secret_version, paused, host, waiting_for_host,
                poll_interval_seconds, base_poll_interval_seconds, adaptive, next_poll_at, tip_sha, tip_config, failures, run_count,
                last_webhook_at, missed_in_row, missed_total)
            VALUES ({0}, 7, 6, 5, 0, 4, 2, 3, FALSE, 'git.example:443', FALSE, 60, 30, TRUE, {1}, 'small', 2, 0, 2, {1}, 3, 4)
            """,
            [id, now],
            Token);
        await context.Database.ExecuteSqlRawAsync(
            "INSERT INTO unannounced (source_id, sha, found_at, run_id) VALUES ({0}, 'a', {1}, 'run_1')", [id, now], Token);
    }

    private static async Task InsertTreeAsync(StoreContext context, string id, string sha, Manifest manifest)
    {
        using var bytes = new MemoryStream();
        ManifestFormat.Write(manifest, bytes);
        await context.Database.ExecuteSqlRawAsync(
            "INSERT INTO snapshots (source_id, config, sha, manifest, files, bytes, visible, stored_at) VALUES ({0}, 2, {1}, {2}, {3}, 0, TRUE, {4})",
            [id, sha, bytes.ToArray(), manifest.Entries.Count, Values(context).Now],
            Token);
    }

    /// <summary>Times and ids as the dialect keeps them.</summary>
    private static (object Now, object Uid) Values(StoreContext context) => context is SqliteStoreContext
        ? ((Now - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond, Guid.NewGuid().ToString().ToUpperInvariant())
        : (Now, Guid.NewGuid());
}
