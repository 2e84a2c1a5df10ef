using Ampora.Database;
using Ampora.Store.Snapshots;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Tests;

/// <summary>Blobs from any position, and manifests that are never in memory as a whole.</summary>
public sealed class SnapshotReadingSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_blob_is_read_from_any_position_forward_and_back(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        var content = await StoreAsync(snapshots, 3_000_000);
        await using var opened = await snapshots.OpenBlobAsync("fleet", "aa", Token);
        Assert.Equal((true, 3_000_000, 0), (opened!.CanSeek, opened.Length, opened.Position));

        var random = new Random(1);
        var buffer = new byte[5000];
        foreach (var at in Enumerable.Range(0, 12).Select(_ => random.Next(content.Length)).Append(2_998_000).Append(0).Append(2_999_999))
        {
            opened.Seek(at, SeekOrigin.Begin);
            var read = await opened.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, Token);
            Assert.Equal(Math.Min(buffer.Length, content.Length - at), read);
            Assert.True(content.AsSpan(at, read).SequenceEqual(buffer.AsSpan(0, read)), $"at {at}");
            Assert.Equal(at + read, opened.Position);
        }

        opened.Seek(-10, SeekOrigin.End);
        Assert.Equal(10, await opened.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, Token));
        foreach (var beyond in (long[])[3_000_000, 3_000_001, long.MaxValue])
        {
            opened.Position = beyond;
            Assert.Equal(0, await opened.ReadAtLeastAsync(buffer, 1, throwOnEndOfStream: false, Token));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => opened.Position = -1);
    }

    [Fact]
    public async Task A_blob_that_is_read_only_in_part_ends_at_what_is_missing()
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, DatabaseDialect.Sqlite);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        await StoreAsync(snapshots, 3_000_000);
        await using (var context = store.Database.Read())
            await context.BlobChunks.Where(c => c.Place == 1).ExecuteDeleteAsync(Token);
        await using var opened = await snapshots.OpenBlobAsync("fleet", "aa", Token);
        opened!.Position = 2_500_000;
        await Assert.ThrowsAsync<InvalidDataException>(async () => await opened.ReadExactlyAsync(new byte[10], Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_manifest_in_many_pieces_is_streamed_and_searched(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        var random = new Random(2);
        var id = new byte[20];
        var entries = Enumerable.Range(0, 120_000).Select(i =>
        {
            random.NextBytes(id);
            // Some paths are far longer than what is read at once, and share most of it with the one before.
            var path = $"d{i / 100:d5}{(i % 20_000 == 7 ? "/" + new string((char)(1 + (i % 250)), 70_000) : "")}/{i:d7}";
            return new ManifestEntry(path, i % 3 == 0 ? "100755" : "100644", Convert.ToHexStringLower(id), i % 5 == 0 ? null : i * 1000L * i);
        }).OrderBy(e => e.Path, StringComparer.Ordinal).ToList();
        await StageAsync(store, snapshots, new Manifest(entries), visible: true);

        await using (var context = store.Database.Read())
            Assert.True(await context.BlobChunks.CountAsync(Token) > 2, "the manifest is too small for this test");
        var read = new List<ManifestEntry>();
        await foreach (var entry in snapshots.StreamEntriesAsync("fleet", 1, "sha", Token))
            read.Add(entry);
        Assert.Equal(entries, read);
        Assert.Equal(entries, (await snapshots.ReadManifestAsync("fleet", 1, "sha", staged: false, Token))!.Entries);
        Assert.Equal(entries, await snapshots.ReadEntriesAsync("fleet", 1, "sha", staged: false, Token));
        foreach (var i in (int[])[0, 1, 7, 60_000, 119_999])
            Assert.Equal(entries[i], await snapshots.FindEntryAsync("fleet", 1, "sha", entries[i].Path, Token));
        foreach (var path in (string[])["", "a", "d00500/x", "zzz"])
            Assert.Null(await snapshots.FindEntryAsync("fleet", 1, "sha", path, Token));
    }

    [Fact]
    public async Task A_manifest_that_is_only_staged_or_not_there_has_no_entries()
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, DatabaseDialect.Sqlite);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        await StageAsync(store, snapshots, new Manifest([new ManifestEntry("a", "100644", new string('a', 40), 1)]), visible: false);
        Assert.Empty(await snapshots.StreamEntriesAsync("fleet", 1, "sha", Token).ToListAsync(Token));
        Assert.Empty(await snapshots.StreamEntriesAsync("fleet", 1, "other", Token).ToListAsync(Token));
        Assert.Null(await snapshots.FindEntryAsync("fleet", 1, "sha", "a", Token));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task No_damage_of_a_manifest_is_taken_for_a_tree(int seed)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, DatabaseDialect.Sqlite);
        var snapshots = new SnapshotStore(store.Database, new SnapshotTimes());
        var random = new Random(seed);
        var entries = Enumerable.Range(0, 300).Select(i => new ManifestEntry($"dir/{i:d4}", "100644", $"{random.NextInt64():x40}", i)).ToList();
        await StageAsync(store, snapshots, new Manifest(entries), visible: true);
        await using var context = store.Database.Read();
        var whole = await context.BlobChunks.Select(c => c.Data).SingleAsync(Token);
        for (var n = 0; n < 60; n++)
        {
            var damaged = n % 2 == 0 ? whole[..random.Next(whole.Length)] : (byte[])whole.Clone();
            if (n % 2 == 1)
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            await context.BlobChunks.ExecuteUpdateAsync(set => set.SetProperty(c => c.Data, damaged), Token);
            try
            {
                // A flipped bit in the checksum's own bytes, which follow the last entry, harms nothing.
                Assert.Equal(entries, (await snapshots.ReadManifestAsync("fleet", 1, "sha", staged: false, Token))!.Entries);
            }
            catch (InvalidDataException)
            {
                // Said so.
            }
        }
    }

    private static async Task<byte[]> StoreAsync(SnapshotStore snapshots, int size)
    {
        var content = new byte[size];
        new Random(size).NextBytes(content);
        await using var writer = snapshots.WriteBlobs("fleet");
        await writer.AddAsync("aa", size, new MemoryStream(content), Token);
        await writer.FlushAsync(Token);
        return content;
    }

    private static async Task StageAsync(TestStore store, SnapshotStore snapshots, Manifest manifest, bool visible)
    {
        Assert.True(await snapshots.StageAsync("fleet", 1, "sha", manifest, (await snapshots.FindMissingAsync("fleet", [], Token)).LookedAt, Token));
        await using var context = store.Database.Read();
        await context.Snapshots.ExecuteUpdateAsync(set => set.SetProperty(s => s.Visible, visible), Token);
    }
}
