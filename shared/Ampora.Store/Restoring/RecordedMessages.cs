using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store.Sql;

namespace Ampora.Store.Restoring;

/// <summary>
/// Keeps for a time what the audit log has recorded, and sends it again when the log forgets it: a log that was restored from a backup gives out numbers a
/// second time, and the first of them betrays it. The log knows the ids of the messages that it has, so that nothing is recorded twice.
/// </summary>
/// <param name="database">The store.</param>
public sealed class RecordedMessages(Database<StoreContext> database)
{
    /// <summary>Notes that a message was recorded; call it before the message leaves the outbox. A duplicate changes nothing.</summary>
    /// <param name="committed">The acknowledgement.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null; or, when the log turns out to have gone back, what becomes of what it had.</returns>
    public Task<ForgottenEntries?> NoteAsync(AuditEntryCommitted committed, CancellationToken cancellationToken) => database.WriteAsync(
        async (context, token) =>
        {
            var session = new StoreSession(context, Durability.Deferred);
            (string Name, object? Value)[] parameters = [("message_id", committed.RecordedMessageId), ("audit_id", committed.AuditId)];
            var clashes = 0L;
            await session.RunAsync(
                [
                    new(RestoringStatements.Keep, parameters),
                    new(RestoringStatements.Renumber, parameters),
                    new(RestoringStatements.FindClash, parameters, row => clashes = row.Long(0)),
                ],
                token);
            return clashes == 0 ? null : await SendAgainAsync(context, session, committed.AuditId, parameters, token);
        },
        Durability.Deferred,
        cancellationToken);

    private static async Task<ForgottenEntries> SendAgainAsync(
        StoreContext context, StoreSession session, long from, (string Name, object? Value)[] parameters, CancellationToken cancellationToken)
    {
        var (last, kept) = (await session.ReadAsync(
            RestoringStatements.CountFrom, parameters, row => (Math.Max(row.Long(0), row.Long(1)), row.Long(2)), cancellationToken))[0];
        await session.RunAsync(
            [
                new(RestoringStatements.SendAgain, parameters),
                new(RestoringStatements.Forget, parameters),
                new(RestoringStatements.ForgetRuns, parameters),
            ],
            cancellationToken);
        var forgotten = new ForgottenEntries(from, kept, Math.Max(0, last - from + 1 - kept));
        await StoreJournal.AddAuditAsync(
            context,
            new AuditRecorded
            {
                OccurredAt = await Wakeups.SourceWakeups.NowAsync(context, cancellationToken),
                Actor = "system",
                Action = "audit.restored",
                Subject = "audit",
                Detail = new Dictionary<string, string>
                {
                    ["from"] = $"{forgotten.From}",
                    ["sentAgain"] = $"{forgotten.SentAgain}",
                    ["notKept"] = $"{forgotten.NotKept}",
                },
            },
            cancellationToken);
        return forgotten;
    }
}

/// <summary>What the audit log had and has no longer.</summary>
/// <param name="From">The first number that it has given out a second time, as far as is known.</param>
/// <param name="SentAgain">How many entries are sent to it again.</param>
/// <param name="NotKept">How many entries are gone, because nothing kept them so long; at least.</param>
public sealed record ForgottenEntries(long From, long SentAgain, long NotKept);
