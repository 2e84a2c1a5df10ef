using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Snapshots;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Tests;

/// <summary>What retention and garbage collection take, and what they leave.</summary>
public sealed class CollectionSpecs(PostgresServer postgres)
{
    private static readonly SnapshotTimes AtOnce = new() { Grace = TimeSpan.Zero };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task The_newest_snapshots_stay_and_the_current_one_and_what_they_share_with_those_that_go(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        await store.AddSourceAsync("other");
        var trees = new StoredTrees(store, AtOnce);
        await trees.SweepAsync("other", "o", Content("shared"), Content("other"));
        for (var i = 0; i < 6; i++)
            await trees.SweepAsync("fleet", $"c{i}", Content("shared"), Content($"only-{i}"), Content($"pair-{i / 2}"));
        // Back to the oldest: it is the latest again, and the newest by that.
        await trees.SweepAsync("fleet", "c0", Content("shared"), Content("only-0"), Content("pair-0"));
        await MakeCurrentTheOldestAsync(store);
        await Task.Delay(10, Token);

        Assert.Equal(["fleet"], await trees.Collector.FindOverfullAsync(2, Token));
        Assert.Empty(await trees.Collector.FindOverfullAsync(6, Token));
        // Three snapshots went with the blobs that only they had: three of their own, pair-1, and the pieces of all that.
        Assert.Equal(new Collected(3, 4, 7), await trees.Collector.CollectAsync("fleet", 2, Token));
        Assert.Equal(["c0", "c4", "c5"], await VisibleAsync(store, "fleet"));
        Assert.Equal(3, await trees.ReadAllAsync("fleet"));
        Assert.Equal(1, await trees.ReadAllAsync("other"));
        Assert.Equal(new Collected(0, 0, 0), await trees.Collector.CollectAsync("fleet", 2, Token));
        Assert.Equal(new Collected(0, 0, 0), await trees.Collector.CollectAsync("other", 2, Token));
        Assert.Equal((4, 8, 12), await trees.CountAsync());
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task What_a_check_left_behind_goes_when_its_time_is_over_and_not_before(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var times = new SnapshotTimes();
        var trees = new StoredTrees(store, times);
        await trees.SweepAsync("fleet", "current", Content("a"), Content("b"));
        await trees.StageAsync("fleet", 1, "staged", [Content("a"), Content("left")]);
        // Stored, and its manifest never was.
        await using (var writer = trees.Snapshots.WriteBlobs("fleet"))
        {
            await writer.AddAsync(StoredTrees.IdOf(Content("lost")), Content("lost").Length, new MemoryStream(Content("lost")), Token);
            await writer.FlushAsync(Token);
        }

        Assert.Equal(new Collected(0, 0, 0), await trees.Collector.CollectAsync("fleet", 10, Token));
        await trees.AgeAsync(times.Grace - TimeSpan.FromMinutes(1));
        Assert.Empty(await trees.Collector.FindOverfullAsync(10, Token));
        Assert.Equal(new Collected(0, 0, 0), await trees.Collector.CollectAsync("fleet", 10, Token));

        await trees.AgeAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(["fleet"], await trees.Collector.FindOverfullAsync(10, Token));
        // Their pieces are as young as they look by their ids.
        Assert.Equal(new Collected(1, 2, 0), await trees.Collector.CollectAsync("fleet", 10, Token));
        Assert.Equal(new Collected(0, 0, 3), await new StoredTrees(store, AtOnce).Collector.CollectAsync("fleet", 10, Token));
        Assert.Equal(1, await trees.ReadAllAsync("fleet"));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_blob_that_a_check_found_again_and_a_tree_that_it_staged_again_stay(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var trees = new StoredTrees(store, new SnapshotTimes());
        await trees.StageAsync("fleet", 1, "staged", [Content("a")]);
        await trees.AgeAsync(TimeSpan.FromHours(4));
        await trees.StageAsync("fleet", 1, "staged", [Content("a")]);
        Assert.Equal(new Collected(0, 0, 0), await trees.Collector.CollectAsync("fleet", 10, Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_manifest_is_not_staged_so_long_after_the_look_that_its_blobs_may_be_gone(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        var looked = (await snapshots.FindMissingAsync("fleet", [], Token)).LookedAt;
        Assert.False(await snapshots.StageAsync("fleet", 1, "sha", new Manifest([]), looked.AddHours(-2), Token));
        // The clock has jumped.
        Assert.False(await snapshots.StageAsync("fleet", 1, "sha", new Manifest([]), looked.AddHours(2), Token));
        Assert.True(await snapshots.StageAsync("fleet", 1, "sha", new Manifest([]), looked, Token));
        Assert.False(await snapshots.StageAsync("fleet", 1, "sha", new Manifest([]), looked.AddHours(-2), Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Pieces_of_a_writer_that_died_go_however_many_they_are(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var trees = new StoredTrees(store, AtOnce);
        await trees.SweepAsync("fleet", "current", Content("a"));
        // More than one transaction takes.
        await AddPiecesAsync(store, Guid.CreateVersion7(), 200);
        foreach (var _ in Enumerable.Range(0, 70))
            await AddPiecesAsync(store, Guid.CreateVersion7(), 2);
        await AddPiecesAsync(store, Guid.CreateVersion7(TimeProvider.System.GetUtcNow().AddHours(1)), 3);
        await Task.Delay(10, Token);
        Assert.Equal(new Collected(0, 0, 340), await trees.Collector.CollectAsync("fleet", 10, Token));
        Assert.Equal((1, 1, 3), await trees.CountAsync());
        Assert.Equal(1, await trees.ReadAllAsync("fleet"));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_writer_that_slept_while_its_pieces_were_collected_stores_no_blob(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var trees = new StoredTrees(store, AtOnce);
        await trees.SweepAsync("fleet", "current", Content("a"));
        var collected = new Collected(0, 0, 0);
        var content = new byte[9_000_000];
        new Random(1).NextBytes(content);
        await using var writer = trees.Snapshots.WriteBlobs("fleet");
        await writer.AddAsync("aa", content.Length, new NightStream(content, async () => collected = await trees.Collector.CollectAsync("fleet", 10, Token)), Token);
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => writer.FlushAsync(Token));
        Assert.Contains("collected", refused.Message, StringComparison.Ordinal);
        Assert.True(collected.Pieces > 0, "nothing was collected meanwhile");
        Assert.Equal(["aa"], (await trees.Snapshots.FindMissingAsync("fleet", ["aa"], Token)).ObjectIds);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task While_a_manifest_cannot_be_read_no_blob_goes(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var trees = new StoredTrees(store, AtOnce);
        await trees.SweepAsync("fleet", "current", Content("a"), Content("b"));
        await using (var context = store.Database.Read())
        {
            var manifest = await context.Snapshots.Select(s => s.ManifestId).SingleAsync(Token);
            await context.BlobChunks.Where(c => c.ContentId == manifest).ExecuteUpdateAsync(set => set.SetProperty(c => c.Data, new byte[] { 1, 2, 3 }), Token);
        }

        await Task.Delay(10, Token);
        await Assert.ThrowsAsync<InvalidDataException>(() => trees.Collector.CollectAsync("fleet", 10, Token));
        Assert.Equal((1, 2, 3), await trees.CountAsync());
    }

    private static byte[] Content(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static async Task<List<string>> VisibleAsync(TestStore store, string sourceId)
    {
        await using var context = store.Database.Read();
        return await context.Snapshots.Where(s => s.SourceId == sourceId && s.Visible).Select(s => s.Sha).Order().ToListAsync(Token);
    }

    private static Task<int> MakeCurrentTheOldestAsync(TestStore store) => store.Database.WriteAsync(
        (context, token) => context.Snapshots.Where(s => s.Sha == "c0").ExecuteUpdateAsync(set => set.SetProperty(s => s.StoredAt, DateTimeOffset.UnixEpoch), token),
        Token);

    private static Task AddPiecesAsync(TestStore store, Guid content, int count) => store.Database.WriteAsync(
        async (context, token) =>
        {
            context.AddRange(Enumerable.Range(0, count).Select(place => new BlobChunk { ContentId = content, Place = place, SourceId = "fleet", Data = [1] }));
            await context.SaveChangesAsync(token);
        },
        Token);

    /// <summary>Has something happen once, when eight megabytes have been read.</summary>
    private sealed class NightStream(byte[] content, Func<Task> meanwhile) : MemoryStream(content)
    {
        private bool _over;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!_over && Position > 8_000_000)
            {
                _over = true;
                await Task.Delay(10, cancellationToken);
                await meanwhile();
            }

            return await base.ReadAsync(buffer, cancellationToken);
        }
    }
}
