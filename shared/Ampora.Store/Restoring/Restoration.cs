using System.Globalization;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store.Sql;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Restoring;

/// <summary>
/// Notices that the store was restored from a backup, or that a standby took over which may lack the last commits, and makes good what can be: whatever was
/// asked for in the lost time is asked for again, and no number that was given out in it comes again.
/// </summary>
/// <param name="database">The store.</param>
public sealed class Restoration(Database<StoreContext> database)
{
    // More than was ever given out in the time between a backup and its restore: a thousand a second for eleven days.
    private const long Ahead = 1_000_000_000;

    // A file cannot tell that it is a copy. The mark in it, and in another file beside it, changes this often, so that a copy has an old one: one that is put in
    // place within this time is not noticed, and has lost nothing that its polls do not find.
    private static readonly TimeSpan MarkEvery = TimeSpan.FromMinutes(1);

    private long? _markedAt;

    /// <summary>Looks once, and does what is to be done.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How many sources are checked anew; null when the store is the one that it was.</returns>
    public Task<int?> LookAsync(CancellationToken cancellationToken) =>
        database.Dialect == DatabaseDialect.Postgres ? LookAtServerAsync(cancellationToken) : LookAtFileAsync(cancellationToken);

    private async Task<int?> LookAtServerAsync(CancellationToken cancellationToken) => await database.WriteAsync(
        async (context, token) =>
        {
            var session = new StoreSession(context);
            var (known, now) = (await session.ReadAsync(RestoringStatements.ReadMark, [], row => (row.StringOrNull(0), row.String(1)), token))[0];
            if (now == known)
                return (int?)null;
            int? asked = known is null ? null : await RenewAsync(context, session, token);
            await session.ExecuteAsync(RestoringStatements.SetMark, [("mark", now)], token);
            return asked;
        },
        cancellationToken);

    private async Task<int?> LookAtFileAsync(CancellationToken cancellationToken)
    {
        if (_markedAt is { } at && database.Time.GetElapsedTime(at) < MarkEvery)
            return null;
        string? known, file;
        await using (var context = database.Read())
        {
            known = await context.Marks.Select(m => m.Mark).SingleAsync(cancellationToken);
            file = $"{((SqliteConnection)context.Database.GetDbConnection()).DataSource}.mark";
        }

        var restored = known is not null && !(File.Exists(file) && (await File.ReadAllLinesAsync(file, cancellationToken)).Contains(known));
        var next = Guid.NewGuid().ToString("n");
        // Whichever of the two the database has after a crash is right; of one that was restored, neither is until all is done.
        if (!restored)
            await WriteAsync(file, $"{known}\n{next}\n", cancellationToken);
        var asked = await database.WriteAsync(
            async (context, token) =>
            {
                var session = new StoreSession(context);
                int? renewed = restored ? await RenewAsync(context, session, token) : null;
                await session.ExecuteAsync(RestoringStatements.SetMark, [("mark", next)], token);
                return renewed;
            },
            cancellationToken);
        await WriteAsync(file, $"{next}\n", cancellationToken);
        _markedAt = database.Time.GetTimestamp();
        return asked;
    }

    private static async Task WriteAsync(string file, string text, CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(file + ".new", text, cancellationToken);
        File.Move(file + ".new", file, overwrite: true);
    }

    private static async Task<int> RenewAsync(StoreContext context, StoreSession session, CancellationToken cancellationToken)
    {
        (string Name, object? Value)[] ahead = [("ahead", Ahead)];
        await session.ReadAsync(RestoringStatements.LockWakeups, [], row => row.String(0), cancellationToken);
        await session.ExecuteAsync(RestoringStatements.AskAll, ahead, cancellationToken);
        var asked = await session.ExecuteAsync(RestoringStatements.AddRequests, [], cancellationToken);
        await session.ExecuteAsync(RestoringStatements.RaiseVersions, ahead, cancellationToken);
        await StoreJournal.AddAuditAsync(
            context,
            new AuditRecorded
            {
                OccurredAt = await Wakeups.SourceWakeups.NowAsync(context, cancellationToken),
                Actor = "system",
                Action = "store.restored",
                Subject = "store",
                Detail = new Dictionary<string, string> { ["sourcesChecked"] = asked.ToString(CultureInfo.InvariantCulture) },
            },
            cancellationToken);
        await session.ExecuteAsync(RestoringStatements.RaiseEvents, ahead, cancellationToken);
        return asked;
    }
}
