using Ampora.Audit.Chain;
using Ampora.Audit.Model;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Retention;

/// <summary>
/// Retires the oldest entries in two commits: the writer appends the declaration, then retention moves the anchor to it, which removes the entries in the same
/// transaction. Between the two the log is whole and the declaration pending; whoever comes next finishes it.
/// </summary>
internal sealed class EntryRetirement(Database<AuditContext> writer, RetentionDatabase retention)
{
    /// <summary>Entries that go with one declaration: a fraction of a second, in which SQLite takes no entry, and one entry of the log for so many.</summary>
    public const int MaxBatch = 5000;

    /// <summary>Retires one batch.</summary>
    /// <param name="age">What is younger stays.</param>
    /// <param name="before">So does this entry and what follows it: the last head that was exported, so that the log can be compared with it.</param>
    /// <param name="cancellationToken">Ends it between two statements; what was declared is retired the next time.</param>
    /// <returns>Whether it retired any, so that there may be more.</returns>
    public async Task<bool> RetireAsync(TimeSpan age, long before, CancellationToken cancellationToken) =>
        await DeclareAsync(age, before, cancellationToken) is { } declared && await MoveAnchorAsync(declared, cancellationToken);

    /// <summary>Finds what was declared and not finished, or declares the next batch.</summary>
    private Task<Retirement?> DeclareAsync(TimeSpan age, long before, CancellationToken cancellationToken) => writer.WriteAsync(
        async (context, token) =>
        {
            var end = await ChainEnd.LockAsync(writer, context, token);
            var youngest = end.Now - age;
            var anchor = await context.Anchors.AsNoTracking().SingleAsync(a => a.Id == AuditAnchor.OnlyId, token);
            var newest = await context.Entries.AsNoTracking().Where(e => e.Action == Retirement.Action).OrderByDescending(e => e.AuditId).FirstOrDefaultAsync(token);
            var pending = newest is not null && Retirement.IsDeclaration(newest) ? Retirement.TryRead(newest.Detail) : null;
            if (pending is not null && pending.Through > anchor.LastId && await IsOfThisLogAsync(context, pending, token))
            {
                // Declared under a shorter limit, it waits for its age.
                return await AnyYoungAsync(context, pending.Through, youngest, token) ? null : pending;
            }

            var oldest = await context.Entries.AsNoTracking().Where(e => e.AuditId > anchor.LastId && e.AuditId < before).OrderBy(e => e.AuditId)
                .Select(e => new { e.AuditId, e.RecordedAt, e.Hash }).Take(MaxBatch).ToListAsync(token);
            // A clock that was set back leaves older times behind younger ones: entries go in the order of the chain.
            var batch = oldest.TakeWhile(e => e.RecordedAt < youngest).ToList();
            if (batch.Count == 0)
                return null;
            var retirement = new Retirement
            {
                Through = batch[^1].AuditId,
                Hash = Convert.ToHexStringLower(batch[^1].Hash),
                Count = batch.Count,
                Oldest = batch.Min(e => e.RecordedAt),
                Newest = batch.Max(e => e.RecordedAt),
            };
            end.Append(retirement.ToEntry(end.Now));
            await end.SaveAsync(token);
            return retirement;
        },
        cancellationToken);

    /// <summary>Moves the anchor, unless another replica was quicker; the database removes the entries with it.</summary>
    private Task<bool> MoveAnchorAsync(Retirement declared, CancellationToken cancellationToken) => retention.Database.WriteAsync(
        async (context, token) =>
        {
            var hash = Convert.FromHexString(declared.Hash);
            await context.Anchors.Where(a => a.Id == AuditAnchor.OnlyId && a.LastId < declared.Through)
                .ExecuteUpdateAsync(set => set.SetProperty(a => a.LastId, declared.Through).SetProperty(a => a.Hash, hash), token);
            return true;
        },
        cancellationToken);

    /// <summary>Somebody with the writer's password can append any declaration; the database does not act on one like that, and it must not be in the way.</summary>
    private static async Task<bool> IsOfThisLogAsync(AuditContext context, Retirement pending, CancellationToken cancellationToken) =>
        await context.Entries.Where(e => e.AuditId == pending.Through).Select(e => e.Hash).SingleOrDefaultAsync(cancellationToken) is { } hash
            && Convert.ToHexStringLower(hash) == pending.Hash;

    private static Task<bool> AnyYoungAsync(AuditContext context, long through, DateTimeOffset youngest, CancellationToken cancellationToken) =>
        context.Entries.AnyAsync(e => e.AuditId <= through && e.RecordedAt >= youngest, cancellationToken);
}
