using System.Data;
using Ampora.Audit.Heads;
using Ampora.Audit.Model;
using Ampora.Contracts;
using Ampora.Database;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Chain;

/// <summary>
/// Checks the whole chain: every id from the anchor's to the head's, every hash, every link, both ends, and the heads that were exported. What it cannot
/// see is a log that was rewritten from some entry to the end together with its head, and no exported head behind it.
/// </summary>
internal sealed partial class ChainVerifier(Database<AuditContext> database, HeadFile? heads, ILogger<ChainVerifier> logger)
{
    /// <summary>
    /// How many entries are read in one go, a few tens of milliseconds: each go sees head, anchor and entries of one moment, and none keeps a snapshot open for
    /// long, which would hold up PostgreSQL's cleaning and SQLite's checkpoints.
    /// </summary>
    public const int PageSize = 5000;

    /// <summary>Checks the log while others append and retire.</summary>
    /// <param name="patience">How long; then it says how far it came.</param>
    /// <param name="cancellationToken">Ends it without an answer.</param>
    /// <param name="pageSize">See <see cref="PageSize"/>.</param>
    public async Task<AuditVerification> VerifyAsync(TimeSpan patience, CancellationToken cancellationToken, int pageSize = PageSize)
    {
        var started = database.Time.GetTimestamp();
        var walk = new ChainWalk(await ReadExportedAsync(cancellationToken));
        var begun = false;
        while (true)
        {
            await using var context = database.Read();
            await context.Database.OpenConnectionAsync(cancellationToken);
            await using var snapshot = context.Database.GetDbConnection() is SqliteConnection sqlite
                ? sqlite.BeginTransaction(deferred: true)
                : await context.Database.GetDbConnection().BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            await context.Database.UseTransactionAsync(snapshot, cancellationToken);

            var head = await context.Heads.AsNoTracking().SingleOrDefaultAsync(h => h.Id == AuditHead.OnlyId, cancellationToken);
            var anchor = await context.Anchors.AsNoTracking().SingleOrDefaultAsync(a => a.Id == AuditAnchor.OnlyId, cancellationToken);
            var from = anchor ?? new AuditAnchor { Id = AuditAnchor.OnlyId, LastId = 0, Hash = EntryHash.Genesis };
            // Retired ones go together with the move of the anchor.
            if (await context.Entries.Where(e => e.AuditId <= from.LastId).OrderBy(e => e.AuditId).Select(e => (long?)e.AuditId).FirstOrDefaultAsync(cancellationToken) is { } left)
                return Answer(walk, head, from, Math.Min(walk.FirstBad ?? left, left));
            // At first, and when retention overtook the walk.
            if (!begun || from.LastId > walk.LastId)
                walk.Begin(from);
            begun = true;

            var after = walk.LastId;
            var read = 0;
            var whole = walk.FirstBad is null;
            await foreach (var entry in context.Entries.AsNoTracking().Where(e => e.AuditId > after).OrderBy(e => e.AuditId).Take(pageSize).AsAsyncEnumerable().WithCancellation(cancellationToken))
            {
                read++;
                if (!(whole = walk.Next(entry, head)))
                    break;
            }

            if (!whole || read < pageSize)
            {
                walk.End(head, anchor);
                return Answer(walk, head, from, walk.FirstBad);
            }

            if (database.Time.GetElapsedTime(started) > patience)
                return Answer(walk, head, from, null) with { Ok = false, Unfinished = true };
        }
    }

    private static AuditVerification Answer(ChainWalk walk, AuditHead? head, AuditAnchor anchor, long? firstBad) => new()
    {
        Ok = firstBad is null,
        Entries = walk.Entries,
        FirstBad = firstBad,
        Head = Convert.ToHexStringLower(head?.Hash ?? []),
        RetiredThrough = anchor.LastId,
        ExportedHeads = walk.ExportedHeads,
    };

    private async Task<IReadOnlyList<ExportedHead>> ReadExportedAsync(CancellationToken cancellationToken)
    {
        if (heads is null)
            return [];
        var (exported, unreadable) = await heads.ReadAsync(cancellationToken);
        if (unreadable > 0)
            Log.Unreadable(logger, heads.Path, unreadable);
        return exported;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "{Lines} lines of {Path} are no exported heads and were not compared: a crash leaves at most one for each, somebody else more")]
        public static partial void Unreadable(ILogger logger, string path, int lines);
    }
}
