using Ampora.Audit.Model;
using Ampora.Contracts;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Queries;

/// <summary>Reads pages of the log.</summary>
internal sealed class AuditReader(Database<AuditContext> database)
{
    /// <summary>The largest page, as in every list of the API.</summary>
    public const int MaxLimit = 200;

    // A page travels as one message; a run's changes can make a single entry some hundred kilobytes long.
    private const int MaxDetailCharacters = 1_000_000;

    /// <summary>Reads one page.</summary>
    public async Task<AuditPage> ReadAsync(QueryAudit query, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var limit = Math.Clamp(query.Limit, 1, MaxLimit);
        var items = new List<AuditEntry>(limit);
        var characters = 0;
        await foreach (var row in Filter(context.Entries.AsNoTracking(), query).Take(limit + 1).AsAsyncEnumerable().WithCancellation(cancellationToken))
        {
            characters += row.Detail.Length;
            if (items.Count == limit || (items.Count > 0 && characters > MaxDetailCharacters))
                return new AuditPage { Items = items, More = true };
            items.Add(Show(row));
        }

        return new AuditPage { Items = items, More = false };
    }

    private static IQueryable<AuditEntryRow> Filter(IQueryable<AuditEntryRow> entries, QueryAudit query)
    {
        if (query.From is { } from)
            entries = entries.Where(e => e.OccurredAt >= from.ToUniversalTime());
        if (query.To is { } to)
            entries = entries.Where(e => e.OccurredAt < to.ToUniversalTime());
        if (query.Actor is { } actor)
            entries = entries.Where(e => e.Actor == actor);
        if (query.Subject is { } subject)
            entries = entries.Where(e => e.Subject == subject);
        if (query.Subjects is { } subjects)
            entries = entries.Where(e => subjects.Contains(e.Subject));
        if (query.Action is { } action)
        {
            // "noun.*" is the range from "noun." up to "noun/", which the index answers: '/' is the character after '.'.
            if (action.EndsWith(".*", StringComparison.Ordinal))
            {
                var (above, below) = (action[..^1], action[..^2] + "/");
                entries = entries.Where(e => string.Compare(e.Action, above) > 0 && string.Compare(e.Action, below) < 0);
            }
            else
            {
                entries = entries.Where(e => e.Action == action);
            }
        }

        if (query.OldestFirst)
            return entries.Where(e => e.AuditId > (query.After ?? 0)).OrderBy(e => e.AuditId);
        return entries.Where(e => e.AuditId < (query.After ?? long.MaxValue)).OrderByDescending(e => e.AuditId);
    }

    private static AuditEntry Show(AuditEntryRow row) => new()
    {
        AuditId = row.AuditId,
        OccurredAt = row.OccurredAt,
        RecordedAt = row.RecordedAt,
        Actor = row.Actor,
        Action = row.Action,
        Subject = row.Subject,
        RemoteIp = row.RemoteIp,
        Count = row.Count,
        RunId = row.RunId,
        DetailJson = row.Detail,
        Hash = Convert.ToHexStringLower(row.Hash),
        MessageId = row.MessageId,
    };
}
