using Ampora.Database;
using Ampora.Store.Snapshots;
using Ampora.Store.Wakeups;
using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Tests;

/// <summary>
/// Sweepers store trees while retention and garbage collection run without a pause, with times so short that what was let go of is collected and stored again all
/// along. Whatever is visible can be read in full at any moment, and in the end there is nothing that nobody needs.
/// </summary>
public abstract class CollectionBesideSweepsSpecs(PostgresServer postgres, DatabaseDialect dialect)
{
    private const int Keep = 2;

    private const int Sweepers = 3;

    private static readonly TimeSpan AtLeast = TimeSpan.FromSeconds(7);

    private static readonly TimeSpan AtMost = TimeSpan.FromMinutes(1);

    // Between the look and the end of the staging a slow machine has three seconds, of which one is for the transaction alone.
    private static readonly SnapshotTimes Times = new()
    {
        Grace = TimeSpan.FromSeconds(4),
        MarkHolds = TimeSpan.FromMilliseconds(300),
        StageWithin = TimeSpan.FromMilliseconds(700),
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nothing_that_is_visible_loses_a_blob_and_nothing_that_is_not_needed_stays()
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        string[] sources = ["fleet", "b", "c", "d"];
        foreach (var other in sources.Skip(1))
            await store.AddSourceAsync(other);
        var trees = new StoredTrees(store, Times);
        var runs = new Runs(store, trees);
        var started = TimeProvider.System.GetTimestamp();
        var checks = 0;
        var collected = new Collected(0, 0, 0);
        bool IsEnough() => checks >= 40 && collected is { Snapshots: > 10, Blobs: > 20, Pieces: > 20 };
        bool Running() => TimeProvider.System.GetElapsedTime(started) is var past && (past < AtLeast || (past < AtMost && !IsEnough()));

        async Task CollectAsync(int seed)
        {
            for (var n = seed; Running(); n++)
            {
                var round = await trees.Collector.CollectAsync(sources[n % sources.Length], Keep, Token);
                lock (runs)
                    collected = new(collected.Snapshots + round.Snapshots, collected.Blobs + round.Blobs, collected.Pieces + round.Pieces);
            }
        }

        var sweeping = Enumerable.Range(0, Sweepers).Select(n => Task.Run(
            async () =>
            {
                var random = new Random(n);
                for (var i = 0; Running(); i++)
                {
                    var source = sources[random.Next(sources.Length)];
                    await runs.SweepAsync(source, random);
                    await trees.ReadAllAsync(source);
                    Interlocked.Increment(ref checks);
                }
            },
            Token));
        // Two, as two schedulers would.
        await Task.WhenAll([.. sweeping, Task.Run(() => CollectAsync(0), Token), Task.Run(() => CollectAsync(1), Token)]);
        Assert.True(IsEnough(), $"{checks} checks, {collected}: too few to show anything");
        TestContext.Current.SendDiagnosticMessage("{0}: {1} checks, {2} trees vanished before their finish, {3}", dialect, checks, runs.Vanished, collected);

        // When all are done and the time is over, what is there is what is named.
        await Task.Delay(Times.Grace + TimeSpan.FromMilliseconds(100), Token);
        var needed = (Snapshots: 0, Blobs: 0);
        foreach (var source in sources)
        {
            await trees.Collector.CollectAsync(source, Keep, Token);
            var visible = await trees.ReadAllAsync(source);
            Assert.InRange(visible, 1, Keep + 1);
            needed = (needed.Snapshots + visible, needed.Blobs + await NamedAsync(store, trees, source));
        }

        Assert.Equal((needed.Snapshots, needed.Blobs, needed.Snapshots + needed.Blobs), await trees.CountAsync());
    }

    private static async Task<int> NamedAsync(TestStore store, StoredTrees trees, string source)
    {
        await using var context = store.Database.Read();
        var ids = new HashSet<string>();
        foreach (var snapshot in await context.Snapshots.Where(s => s.SourceId == source).ToListAsync(Token))
        {
            await foreach (var entry in trees.Snapshots.StreamEntriesAsync(source, snapshot.Config, snapshot.Sha, Token))
                ids.Add(entry.ObjectId);
        }

        return ids.Count;
    }

    /// <summary>Checks by the real protocol: new tips, old ones whose tree may be kept, and checks that break off.</summary>
    private sealed class Runs(TestStore store, StoredTrees trees)
    {
        // One is larger than a transaction, so that its pieces are there before it is.
        private readonly byte[][] _pool = [.. Enumerable.Range(0, 40).Select(i => Noise(i, i == 0 ? 5_000_000 : 2000))];
        private int _vanished;

        public int Vanished => _vanished;

        public async Task SweepAsync(string source, Random random)
        {
            var protocol = new WakeupProtocol(
                new SqlWakeupStore(store.Database, new WakeupPolicy { ChecksPerHost = 100 }), new StoredTrees.NoBus(), new WakeupPolicy(), $"sweeper-{Guid.NewGuid():n}");
            await protocol.AskAsync([new ManualAsk(source, $"req_{Guid.NewGuid():n}", "test")], Token);
            // Few enough that tips come back, some while their tree is kept and some when it is gone.
            await protocol.SweepAsync(source, new Check(this, source, random.Next(30), breaksOff: random.Next(8) == 0), Token);
        }

        private static byte[] Noise(int seed, int size)
        {
            var bytes = new byte[size];
            new Random(seed).NextBytes(bytes);
            return bytes;
        }

        private sealed class Check(Runs runs, string source, int tip, bool breaksOff) : ICheck
        {
            private int _tries;

            public async Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken)
            {
                if (_tries++ > 0)
                    Interlocked.Increment(ref runs._vanished);
                var sha = $"tip-{tip}";
                if (claim.TipSha == sha)
                    return new CheckResult.Unchanged { Sha = sha, RefName = "refs/heads/main" };
                await using (var context = runs.Store.Database.Read())
                {
                    if (await context.Snapshots.AnyAsync(s => s.SourceId == source && s.Sha == sha && s.Visible, cancellationToken))
                    {
                        await Task.Delay(20, cancellationToken);
                        return StoredTrees.Found(sha, reused: true);
                    }
                }

                var random = new Random(tip);
                await runs.Trees.StageAsync(source, claim.Config, sha, [.. Enumerable.Range(0, 12).Select(_ => runs._pool[random.Next(runs._pool.Length)])]);
                // As good as one that died: its tree stays staged. A failure would hold the source back.
                return breaksOff && claim.TipSha is { } known ? new CheckResult.Unchanged { Sha = known, RefName = "refs/heads/main" } : StoredTrees.Found(sha);
            }
        }

        private TestStore Store => store;

        private StoredTrees Trees => trees;
    }
}

public sealed class CollectionBesideSweepsOnPostgres(PostgresServer postgres) : CollectionBesideSweepsSpecs(postgres, DatabaseDialect.Postgres);

public sealed class CollectionBesideSweepsOnSqlite(PostgresServer postgres) : CollectionBesideSweepsSpecs(postgres, DatabaseDialect.Sqlite);
