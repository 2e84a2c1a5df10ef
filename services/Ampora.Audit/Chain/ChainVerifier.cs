using System.Data;
using Ampora.Audit.Model;
using Ampora.Contracts;
using Ampora.Database;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Chain;

/// <summary>
/// Checks the whole chain: every id from 1 to the head's, every hash, every link, and the head. What it cannot see is a log that was
/// rewritten from some entry to the end together with its head; a head that was kept elsewhere shows that.
/// </summary>
internal sealed class ChainVerifier(Database<AuditContext> database)
{
    /// <summary>Bounds memory; the log is read in pages of its primary key.</summary>
    public const int PageSize = 500;

    /// <summary>Checks the log as it is at one moment, while others append.</summary>
    public async Task<AuditVerification> VerifyAsync(CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        // Head and entries as of one moment, although others append.
        await context.Database.OpenConnectionAsync(cancellationToken);
        await using var snapshot = context.Database.GetDbConnection() is SqliteConnection sqlite
            ? sqlite.BeginTransaction(deferred: true)
            : await context.Database.GetDbConnection().BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        await context.Database.UseTransactionAsync(snapshot, cancellationToken);
        var head = await context.Heads.AsNoTracking().SingleOrDefaultAsync(cancellationToken);
        var (entries, last, firstBad) = await WalkAsync(context, cancellationToken);

        // Null is "all well so far": the chain itself is whole, and the head must be its last entry.
        var (lastId, lastHash) = last;
        firstBad ??= head is null || lastId < head.LastId ? lastId + 1
            : lastId > head.LastId ? head.LastId + 1
            : head.Hash.AsSpan().SequenceEqual(lastHash) ? null
            : Math.Max(lastId, 1);
        return new AuditVerification
        {
            Ok = firstBad is null,
            Entries = entries,
            FirstBad = firstBad,
            Head = Convert.ToHexStringLower(head?.Hash ?? []),
        };
    }

    private static async Task<(long Entries, (long Id, byte[] Hash) Last, long? FirstBad)> WalkAsync(AuditContext context, CancellationToken cancellationToken)
    {
        var checkedEntries = 0L;
        (long Id, byte[] Hash) last = (0, EntryHash.Genesis);
        var after = long.MinValue;
        while (true)
        {
            var page = await context.Entries.AsNoTracking().Where(e => e.AuditId > after).OrderBy(e => e.AuditId).Take(PageSize).ToListAsync(cancellationToken);
            foreach (var entry in page)
            {
                if (FirstBad(entry, last) is { } bad)
                    return (checkedEntries, last, bad);
                last = (entry.AuditId, entry.Hash);
                checkedEntries++;
            }

            if (page.Count < PageSize)
                return (checkedEntries, last, null);
            after = page[^1].AuditId;
        }
    }

    private static long? FirstBad(AuditEntryRow entry, (long Id, byte[] Hash) last)
    {
        // A lower id than expected was put in; a higher one means that the expected is missing.
        if (entry.AuditId != last.Id + 1)
            return Math.Min(entry.AuditId, last.Id + 1);
        if (!EntryHash.Compute(entry).AsSpan().SequenceEqual(entry.Hash))
            return entry.AuditId;
        // This entry agrees with itself and with another predecessor: the predecessor was rewritten together with its own hash.
        if (!entry.PreviousHash.AsSpan().SequenceEqual(last.Hash))
            return Math.Max(last.Id, 1);
        return null;
    }
}
