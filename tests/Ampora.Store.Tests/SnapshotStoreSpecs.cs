using Ampora.Database;
using Ampora.Store.Snapshots;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Tests;

public class SnapshotStoreSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres, 0)]
    [InlineData(DatabaseDialect.Postgres, 1)]
    [InlineData(DatabaseDialect.Postgres, 9_000_000)]
    [InlineData(DatabaseDialect.Sqlite, 0)]
    [InlineData(DatabaseDialect.Sqlite, 1)]
    [InlineData(DatabaseDialect.Sqlite, 9_000_000)]
    public async Task A_blob_comes_back_byte_for_byte(DatabaseDialect dialect, int size)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        var content = Noise(size);
        await using (var writer = snapshots.WriteBlobs("fleet"))
        {
            await writer.AddAsync("aa", size, new MemoryStream(content), Token);
            await writer.FlushAsync(Token);
        }

        await using var opened = await snapshots.OpenBlobAsync("fleet", "aa", Token);
        using var read = new MemoryStream();
        await opened!.CopyToAsync(read, Token);
        Assert.Equal(content, read.ToArray());
        await using var context = store.Database.Read();
        Assert.All(await context.BlobChunks.Select(c => c.Data.Length).ToListAsync(Token), n => Assert.InRange(n, 1, PieceStream.PieceBytes));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_blob_whose_content_broke_off_is_missing_and_leaves_nothing_behind(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        await using (var writer = snapshots.WriteBlobs("fleet"))
            await Assert.ThrowsAsync<IOException>(() => writer.AddAsync("aa", 9_000_000, new BreakingStream(Noise(6_000_000)), Token));
        Assert.Equal(["aa"], (await snapshots.FindMissingAsync("fleet", ["aa"], Token)).ObjectIds);
        await using var context = store.Database.Read();
        Assert.Equal(0, await context.BlobChunks.CountAsync(Token));
    }

    [Theory]
    [InlineData(9)]
    [InlineData(11)]
    public async Task A_blob_of_another_size_than_announced_is_refused(int announced)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, DatabaseDialect.Sqlite);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        await using (var writer = snapshots.WriteBlobs("fleet"))
        {
            await Assert.ThrowsAsync<InvalidDataException>(() => writer.AddAsync("aa", announced, new MemoryStream(Noise(10)), Token));
            await writer.AddAsync("bb", 10, new MemoryStream(Noise(10)), Token);
            await writer.FlushAsync(Token);
        }

        Assert.Equal(["aa"], (await snapshots.FindMissingAsync("fleet", ["aa", "bb"], Token)).ObjectIds);
        await using var context = store.Database.Read();
        Assert.Equal(1, await context.BlobChunks.CountAsync(Token));
    }

    [Fact]
    public async Task A_commit_whose_answer_was_lost_may_be_tried_again()
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, DatabaseDialect.Postgres);
        await using var link = new DatabaseLink(store.Address.ConnectionString);
        await using var lossy = StoreService.Open(new DatabaseAddress(DatabaseDialect.Postgres, link.ConnectionString), TimeProvider.System);
        var snapshots = new SnapshotStore(lossy, new SnapshotTimes());
        await using (var writer = snapshots.WriteBlobs("fleet"))
        {
            await writer.AddAsync("aa", 10, new MemoryStream(Noise(10)), Token);
            link.LoseAnswersToCommits(1);
            await Assert.ThrowsAsync<CommitOutcomeUnknownException>(() => writer.FlushAsync(Token));
            await writer.FlushAsync(Token);
        }

        await using var opened = await snapshots.OpenBlobAsync("fleet", "aa", Token);
        using var read = new MemoryStream();
        await opened!.CopyToAsync(read, Token);
        Assert.Equal(Noise(10), read.ToArray());
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Two_sweepers_may_store_the_same_blobs_at_once_and_one_content_of_each_is_kept(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        var ids = Enumerable.Range(0, 300).Select(i => $"{i:x40}").ToList();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            await using var writer = snapshots.WriteBlobs("fleet");
            foreach (var id in ids)
                await writer.AddAsync(id, 10, new MemoryStream(Noise(10)), Token);
            await writer.FlushAsync(Token);
        })));
        Assert.Empty((await snapshots.FindMissingAsync("fleet", ids, Token)).ObjectIds);
        await using var context = store.Database.Read();
        Assert.Equal(300, await context.Blobs.CountAsync(Token));
        Assert.Equal(300, await context.BlobChunks.CountAsync(Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_blob_of_another_source_is_not_this_sources(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        await using (var writer = snapshots.WriteBlobs("fleet"))
        {
            await writer.AddAsync("aa", 1, new MemoryStream([1]), Token);
            await writer.FlushAsync(Token);
        }

        Assert.Equal(["aa"], (await snapshots.FindMissingAsync("other", ["aa"], Token)).ObjectIds);
        Assert.Null(await snapshots.OpenBlobAsync("other", "aa", Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_staged_manifest_is_invisible_and_staging_it_again_changes_nothing(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        var manifest = new Manifest(
        [
            new ManifestEntry("dir", "40000", new string('a', 40), null),
            new ManifestEntry("dir/\u00ff\u0080 name", "100755", new string('b', 40), 5_000_000_000),
            new ManifestEntry("empty", "100644", new string('c', 64), 0),
            new ManifestEntry("module", "160000", new string('d', 40), null),
        ]);
        await StageAsync(snapshots, manifest);
        await StageAsync(snapshots, manifest);
        Assert.Null(await snapshots.ReadManifestAsync("fleet", 1, "sha", staged: false, Token));
        Assert.Equal(manifest.Entries, (await snapshots.ReadManifestAsync("fleet", 1, "sha", staged: true, Token))!.Entries);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_blob_is_missing_until_all_of_it_is_there(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        await using var writer = snapshots.WriteBlobs("fleet");
        // Larger than a transaction: its first pieces are committed while it still streams in.
        var missingMeanwhile = new List<string>();
        var content = new WatchedStream(Noise(9_000_000), async () => missingMeanwhile.AddRange((await snapshots.FindMissingAsync("fleet", ["aa"], Token)).ObjectIds));
        await writer.AddAsync("aa", 9_000_000, content, Token);
        await using (var context = store.Database.Read())
            Assert.True(await context.BlobChunks.AnyAsync(Token));
        await writer.FlushAsync(Token);
        Assert.True(missingMeanwhile.Count > 2 && missingMeanwhile.All(id => id == "aa"));
        Assert.Empty((await snapshots.FindMissingAsync("fleet", ["aa"], Token)).ObjectIds);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Blobs_that_a_check_finds_are_marked_as_used(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        var ids = Enumerable.Range(0, 6000).Select(i => $"{i:x40}").ToList();
        await using (var writer = snapshots.WriteBlobs("fleet"))
        {
            foreach (var id in ids)
                await writer.AddAsync(id, 1, new MemoryStream([1]), Token);
            await writer.FlushAsync(Token);
        }

        await using var context = store.Database.Read();
        await context.Blobs.ExecuteUpdateAsync(set => set.SetProperty(b => b.StoredAt, DateTimeOffset.UnixEpoch), Token);
        Assert.Equal(["new"], (await snapshots.FindMissingAsync("fleet", [.. ids.Skip(1), "new"], Token)).ObjectIds);
        Assert.Equal([ids[0]], await context.Blobs.Where(b => b.StoredAt == DateTimeOffset.UnixEpoch).Select(b => b.ObjectId).ToListAsync(Token));
    }

    [Fact]
    public async Task A_blob_that_lost_a_piece_is_an_error_and_never_a_shorter_blob()
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, DatabaseDialect.Sqlite);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        await using (var writer = snapshots.WriteBlobs("fleet"))
        {
            await writer.AddAsync("aa", 3_000_000, new MemoryStream(Noise(3_000_000)), Token);
            await writer.FlushAsync(Token);
        }

        await using (var context = store.Database.Read())
            await context.BlobChunks.Where(c => c.Place == 1).ExecuteDeleteAsync(Token);
        await using var opened = await snapshots.OpenBlobAsync("fleet", "aa", Token);
        await Assert.ThrowsAsync<InvalidDataException>(() => opened!.CopyToAsync(Stream.Null, Token));
    }

    [Fact]
    public async Task A_manifest_of_a_million_entries_is_stored_and_read_within_reasonable_memory()
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, DatabaseDialect.Sqlite);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        var random = new Random(1);
        var id = new byte[20];
        var manifest = new Manifest([.. Enumerable.Range(0, 1_000_000).Select(i =>
        {
            random.NextBytes(id);
            return new ManifestEntry($"src/component-{i / 1000:d4}/file-{i:d7}.yaml", "100644", Convert.ToHexStringLower(id), i);
        })]);
        await StageAsync(snapshots, manifest);
        var read = await snapshots.ReadManifestAsync("fleet", 1, "sha", staged: true, Token);
        Assert.Equal(manifest.Entries, read!.Entries);
        await using var context = store.Database.Read();
        Assert.Equal(1_000_000, (await context.Snapshots.SingleAsync(Token)).Files);
        // The ids are noise, 20 bytes each; the paths should cost next to nothing beside them.
        var pieces = await context.BlobChunks.Select(c => c.Data.Length).ToListAsync(Token);
        Assert.InRange(pieces.Sum(), 20_000_000, 40_000_000);
        Assert.InRange(pieces.Max(), 1, PieceStream.PieceBytes);
    }

    [Fact]
    public async Task A_source_that_is_deleted_takes_its_trees_with_it()
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, DatabaseDialect.Postgres);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        await using (var writer = snapshots.WriteBlobs("fleet"))
        {
            await writer.AddAsync("aa", 1, new MemoryStream([1]), Token);
            await writer.FlushAsync(Token);
        }

        await StageAsync(snapshots, new Manifest([]));
        await using var context = store.Database.Read();
        await context.Sources.ExecuteDeleteAsync(Token);
        Assert.Equal((0, 0, 0), (await context.Blobs.CountAsync(Token), await context.BlobChunks.CountAsync(Token), await context.Snapshots.CountAsync(Token)));
    }

    private static async Task StageAsync(SnapshotStore snapshots, Manifest manifest) =>
        Assert.True(await snapshots.StageAsync("fleet", 1, "sha", manifest, (await snapshots.FindMissingAsync("fleet", [], Token)).LookedAt, Token));

    private static byte[] Noise(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

    private sealed class BreakingStream(byte[] content) : MemoryStream(content)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await base.ReadAsync(buffer, cancellationToken) is > 0 and var read ? read : throw new IOException("the fetch broke off");
    }

    /// <summary>Has somebody look each time that another three megabytes have been read.</summary>
    private sealed class WatchedStream(byte[] content, Func<Task> look) : MemoryStream(content)
    {
        private long _looked;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position - _looked >= 3_000_000 || Position == Length)
            {
                _looked = Position;
                await look();
            }

            return await base.ReadAsync(buffer, cancellationToken);
        }
    }
}
