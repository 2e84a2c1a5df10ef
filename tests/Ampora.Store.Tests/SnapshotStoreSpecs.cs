using Ampora.Database;
using Ampora.Store.Model;
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
        await using var store = await StoreWithSourceAsync(dialect);
        var snapshots = new SnapshotStore(store.Database);
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
        await using var store = await StoreWithSourceAsync(dialect);
        var snapshots = new SnapshotStore(store.Database);
        await using (var writer = snapshots.WriteBlobs("fleet"))
            await Assert.ThrowsAsync<IOException>(() => writer.AddAsync("aa", 9_000_000, new BreakingStream(Noise(6_000_000)), Token));
        Assert.Equal(["aa"], await snapshots.FindMissingAsync("fleet", ["aa"], Token));
        await using var context = store.Database.Read();
        Assert.Equal(0, await context.BlobChunks.CountAsync(Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Two_sweepers_may_store_the_same_blobs_at_once_and_one_content_of_each_is_kept(DatabaseDialect dialect)
    {
        await using var store = await StoreWithSourceAsync(dialect);
        var snapshots = new SnapshotStore(store.Database);
        var ids = Enumerable.Range(0, 300).Select(i => $"{i:x40}").ToList();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            await using var writer = snapshots.WriteBlobs("fleet");
            foreach (var id in ids)
                await writer.AddAsync(id, 10, new MemoryStream(Noise(10)), Token);
            await writer.FlushAsync(Token);
        })));
        Assert.Empty(await snapshots.FindMissingAsync("fleet", ids, Token));
        await using var context = store.Database.Read();
        Assert.Equal(300, await context.Blobs.CountAsync(Token));
        Assert.Equal(300, await context.BlobChunks.CountAsync(Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_blob_of_another_source_is_not_this_sources(DatabaseDialect dialect)
    {
        await using var store = await StoreWithSourceAsync(dialect);
        var snapshots = new SnapshotStore(store.Database);
        await using (var writer = snapshots.WriteBlobs("fleet"))
        {
            await writer.AddAsync("aa", 1, new MemoryStream([1]), Token);
            await writer.FlushAsync(Token);
        }

        Assert.Equal(["aa"], await snapshots.FindMissingAsync("other", ["aa"], Token));
        Assert.Null(await snapshots.OpenBlobAsync("other", "aa", Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_staged_manifest_is_invisible_and_staging_it_again_changes_nothing(DatabaseDialect dialect)
    {
        await using var store = await StoreWithSourceAsync(dialect);
        var snapshots = new SnapshotStore(store.Database);
        var manifest = new Manifest(
        [
            new ManifestEntry("dir", "40000", new string('a', 40), null),
            new ManifestEntry("dir/\u00ff\u0080 name", "100755", new string('b', 40), 5_000_000_000),
            new ManifestEntry("empty", "100644", new string('c', 64), 0),
            new ManifestEntry("module", "160000", new string('d', 40), null),
        ]);
        await snapshots.StageAsync("fleet", 1, "sha", manifest, Token);
        await snapshots.StageAsync("fleet", 1, "sha", manifest, Token);
        Assert.Null(await snapshots.ReadManifestAsync("fleet", 1, "sha", staged: false, Token));
        Assert.Equal(manifest.Entries, (await snapshots.ReadManifestAsync("fleet", 1, "sha", staged: true, Token))!.Entries);
    }

    private static byte[] Noise(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

    private async Task<TestStore> StoreWithSourceAsync(DatabaseDialect dialect)
    {
        var store = await TestStore.CreateAsync(postgres, dialect);
        await store.Database.WriteAsync(
            async (context, token) =>
            {
                context.Sources.Add(new Source
                {
                    Id = "fleet",
                    Uid = Guid.NewGuid(),
                    Url = "https://git.test/fleet.git",
                    Ref = "main",
                    PollIntervalSeconds = 60,
                    Polling = "fixed",
                    WebhookAuth = "token",
                    Version = 1,
                    CreatedAt = DateTimeOffset.UnixEpoch,
                    UpdatedAt = DateTimeOffset.UnixEpoch,
                });
                await context.SaveChangesAsync(token);
            },
            Token);
        return store;
    }

    private sealed class BreakingStream(byte[] content) : MemoryStream(content)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await base.ReadAsync(buffer, cancellationToken) is > 0 and var read ? read : throw new IOException("the fetch broke off");
    }
}
