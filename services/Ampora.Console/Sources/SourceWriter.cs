using System.Globalization;
using Ampora.Console.Access;
using Ampora.Console.Announcing;
using Ampora.Console.Http;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Sources;

/// <summary>
/// Changes one source: its row locked, the change, the audit entry and the event in one transaction, and what follows published behind the answer.
/// </summary>
internal sealed class SourceWriter(Database<StoreContext> database, Announcer announcer)
{
    /// <summary>Makes a request id.</summary>
    public static string NewRequestId() => $"req_{Guid.CreateVersion7():n}";

    /// <summary>Runs a change of a source that is there and that the caller may see.</summary>
    /// <param name="caller">Who changes it.</param>
    /// <param name="id">The slug.</param>
    /// <param name="match">What the request demands of the source's version.</param>
    /// <param name="change">
    /// Makes the change on the tracked source, whose wake-up row is locked, and says what was done; null when nothing was to change. It may be run again.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task ChangeAsync(
        Caller caller, string id, VersionMatch match, Func<SourceChange, CancellationToken, Task<SourceFact?>> change, CancellationToken cancellationToken)
    {
        if (!SourceRules.IsSlug(id))
            throw RequestRefusedException.NoSource(id);
        var (fact, message) = await database.WriteAsync<(SourceFact?, OutboxMessage?)>(
            async (context, stop) =>
            {
                // The wake-up row before everything else, as the sweepers do, so that nobody waits in a circle; it also makes changes of one source queue up.
                if (database.Dialect == DatabaseDialect.Postgres)
                    await context.Database.ExecuteSqlAsync($"SELECT 1 FROM wakeups WHERE source_id = {id} FOR UPDATE", stop);
                var source = await caller.Scope.Apply(context.Sources)
                    .Include(s => s.Labels).Include(s => s.Credential).Include(s => s.WebhookSecret).Include(s => s.Wakeup)
                    .AsSplitQuery()
                    .SingleOrDefaultAsync(s => s.Id == id, stop) ?? throw RequestRefusedException.NoSource(id);
                match.Require(source.Version);

                var now = await SourceWakeups.NowAsync(context, stop);
                var fact = await change(new SourceChange(context, source, now), stop);
                if (fact is null)
                    return (null, null);
                if (fact.Event is not (null or "deleted"))
                {
                    source.Version++;
                    source.UpdatedAt = now;
                }

                return (fact, await RecordAsync(context, caller, id, fact, now, stop));
            },
            cancellationToken);
        if (fact is not null)
            announcer.Announce(fact.Wakes ? id : null, message);
    }

    /// <summary>Creates a source.</summary>
    /// <param name="caller">Who creates it.</param>
    /// <param name="id">The slug.</param>
    /// <param name="make">Makes the row, at a time of the database's clock. It may be run again.</param>
    /// <param name="host">The Git host and port.</param>
    /// <param name="paused">Whether it starts paused.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task CreateAsync(
        Caller caller, string id, Func<DateTimeOffset, Source> make, string host, bool paused, CancellationToken cancellationToken)
    {
        OutboxMessage message;
        try
        {
            message = await database.WriteAsync(
                async (context, stop) =>
                {
                    if (await context.Sources.AnyAsync(s => s.Id == id, stop))
                        throw Exists(id);
                    var now = await SourceWakeups.NowAsync(context, stop);
                    var source = make(now);
                    context.Sources.Add(source);
                    await context.SaveChangesAsync(stop);
                    await SourceWakeups.CreateAsync(
                        context,
                        new NewWakeup(id, host, source.Url, source.PollIntervalSeconds, paused, source.Polling == SourceRules.Adaptive),
                        NewRequestId(),
                        caller.Actor,
                        stop);
                    var detail = new Dictionary<string, string> { ["url"] = source.Url, ["ref"] = source.Ref, ["webhook"] = source.WebhookAuth };
                    if (source.Credential is not null)
                        detail["credential"] = source.Credential.Type;
                    return await RecordAsync(context, caller, id, new SourceFact("source.created", "created", Wakes: true) { Detail = detail }, now, stop);
                },
                cancellationToken);
        }
        catch (DbUpdateException e) when (!RefusalFilter.IsStoreAway(e))
        {
            // Two requests at the same moment: the unique key decided.
            if (await ExistsAsync(id, cancellationToken))
                throw Exists(id);
            throw;
        }

        announcer.Announce(paused ? null : id, message);
    }

    private async Task<bool> ExistsAsync(string id, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        return await context.Sources.AnyAsync(s => s.Id == id, cancellationToken);
    }

    private static RequestRefusedException Exists(string id) =>
        new(409, "source_exists", "Source exists", $"There is a source '{id}' already: change it with PUT or PATCH, or choose another id.");

    private static async Task<OutboxMessage> RecordAsync(
        StoreContext context, Caller caller, string id, SourceFact fact, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await context.SaveChangesAsync(cancellationToken);
        var message = await StoreJournal.AddAuditAsync(
            context,
            new AuditRecorded
            {
                OccurredAt = now,
                Actor = caller.Actor,
                Action = fact.Action,
                Subject = string.Create(CultureInfo.InvariantCulture, $"source:{id}"),
                RemoteIp = caller.RemoteIp,
                Detail = fact.Detail,
            },
            cancellationToken);
        await context.SaveChangesAsync(cancellationToken);
        // Last: it takes the lock that puts all events in one order.
        if (fact.Event is not null)
            await StoreJournal.AddSourceEventAsync(context, id, fact.Event, cancellationToken);
        await context.SaveChangesAsync(cancellationToken);
        return message;
    }
}

/// <summary>A change in progress.</summary>
/// <param name="Context">The context, in its transaction.</param>
/// <param name="Source">The tracked source, with labels, credential and webhook secret; its wake-up row for reading.</param>
/// <param name="Now">The database's clock.</param>
internal sealed record SourceChange(StoreContext Context, Source Source, DateTimeOffset Now);

/// <summary>What was done to a source.</summary>
/// <param name="Action">As the audit log names it.</param>
/// <param name="Event">As the event stream names it; null when the source itself stays as it is.</param>
/// <param name="Wakes">Whether a check was asked for.</param>
internal sealed record SourceFact(string Action, string? Event, bool Wakes)
{
    /// <summary>Particulars for the audit log; never a secret.</summary>
    public IReadOnlyDictionary<string, string> Detail { get; init; } = new Dictionary<string, string>();
}
