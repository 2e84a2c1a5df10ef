using Ampora.Audit.Model;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Chain;

/// <summary>
/// The end of the chain, locked by this transaction until its commit: every append of every replica takes its turn here, so ids have no gaps and the chain
/// has no branches.
/// </summary>
internal sealed class ChainEnd
{
    private const string HeadIsGone = "Table audit_head does not hold its one row: the audit database was changed from outside; restore it from a backup";

    private readonly AuditContext _context;
    private readonly long _lockedId;
    private long _lastId;
    private byte[] _lastHash;

    private ChainEnd(AuditContext context, LockedHead head)
    {
        _context = context;
        _lockedId = _lastId = head.LastId;
        _lastHash = head.Hash;
        Now = WholeMicroseconds(head.Now);
    }

    /// <summary>The database's time; on SQLite the process's.</summary>
    public DateTimeOffset Now { get; }

    /// <summary>Locks it.</summary>
    /// <param name="database">The database of the context.</param>
    /// <param name="context">A transaction of it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<ChainEnd> LockAsync(Database<AuditContext> database, AuditContext context, CancellationToken cancellationToken)
    {
        if (database.Dialect == DatabaseDialect.Postgres)
        {
            var locked = await context.Database.SqlQuery<LockedHead>(
                $"""SELECT last_id AS "LastId", hash AS "Hash", clock_timestamp() AS "Now" FROM audit_head FOR UPDATE""").ToListAsync(cancellationToken);
            return locked is [var head] ? new ChainEnd(context, head) : throw new InvalidOperationException(HeadIsGone);
        }

        // SQLite's transaction already holds the lock of its only writer.
        return await context.Heads.Select(h => new { h.LastId, h.Hash }).SingleOrDefaultAsync(cancellationToken) is { } only
            ? new ChainEnd(context, new LockedHead(only.LastId, only.Hash, database.Time.GetUtcNow()))
            : throw new InvalidOperationException(HeadIsGone);
    }

    /// <summary>Chains one more entry; <see cref="SaveAsync"/> writes it.</summary>
    /// <returns>Its id.</returns>
    public long Append(NewEntry entry)
    {
        var row = new AuditEntryRow
        {
            AuditId = _lastId + 1,
            MessageId = entry.MessageId,
            OccurredAt = WholeMicroseconds(entry.OccurredAt),
            RecordedAt = Now,
            Actor = entry.Actor,
            Action = entry.Action,
            Subject = entry.Subject,
            RemoteIp = entry.RemoteIp,
            Count = entry.Count,
            RunId = entry.RunId,
            Detail = entry.Detail,
            PreviousHash = _lastHash,
        };
        row.Hash = EntryHash.Compute(row);
        _context.Entries.Add(row);
        (_lastId, _lastHash) = (row.AuditId, row.Hash);
        return row.AuditId;
    }

    /// <summary>Writes what was chained, and moves the head to it.</summary>
    public async Task SaveAsync(CancellationToken cancellationToken)
    {
        if (_lastId == _lockedId)
            return;
        await _context.SaveChangesAsync(cancellationToken);
        await _context.Heads.ExecuteUpdateAsync(set => set.SetProperty(h => h.LastId, _lastId).SetProperty(h => h.Hash, _lastHash), cancellationToken);
    }

    // What PostgreSQL keeps of a time; the hash must be over what is stored.
    private static DateTimeOffset WholeMicroseconds(DateTimeOffset time) =>
        new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    private sealed record LockedHead(long LastId, byte[] Hash, DateTimeOffset Now);
}
