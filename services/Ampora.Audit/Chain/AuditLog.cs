using System.Collections.Concurrent;
using Ampora.Audit.Model;
using Ampora.Database;
using Ampora.Hosting.Telemetry;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Chain;

/// <summary>
/// Appends to the log. What waits for the lock on the <see cref="ChainEnd"/> in this process is committed together by whoever gets it.
/// </summary>
internal sealed class AuditLog(Database<AuditContext> database) : IDisposable
{
    /// <summary>Bounds one transaction; at a millisecond or two each, nobody waits long for the lock.</summary>
    public const int MaxGroup = 100;

    private readonly ConcurrentQueue<Append> _waiting = new();
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Records an entry, unless its message has been recorded before.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="cancellationToken">Ends the wait; the entry may be recorded all the same.</param>
    /// <returns>Where it is recorded, now or since the first time.</returns>
    public async Task<Receipt> AppendAsync(NewEntry entry, CancellationToken cancellationToken)
    {
        var mine = new Append(entry);
        _waiting.Enqueue(mine);
        await _turn.WaitAsync(cancellationToken);
        try
        {
            while (!mine.Outcome.Task.IsCompleted)
                await CommitNextAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }

        return await mine.Outcome.Task;
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async Task CommitNextAsync(CancellationToken cancellationToken)
    {
        var group = new List<Append>(MaxGroup);
        while (group.Count < MaxGroup && _waiting.TryDequeue(out var next))
            group.Add(next);
        if (await TryCommitAsync(group, cancellationToken) is not { } error)
            return;

        // One entry that the database refuses must not take the others with it.
        if (group.Count > 1 && !TransientErrors.IsTransient(error) && !TransientErrors.IsConnectionLost(error) && !cancellationToken.IsCancellationRequested)
        {
            foreach (var append in group)
            {
                if (await TryCommitAsync([append], cancellationToken) is { } itsError)
                    append.Outcome.SetException(itsError);
            }
        }
        else
        {
            foreach (var append in group)
                append.Outcome.SetException(error);
        }
    }

    private async Task<Exception?> TryCommitAsync(IReadOnlyList<Append> group, CancellationToken cancellationToken)
    {
        using var span = AmporaMetrics.Activities.StartActivity("append");
        try
        {
            var receipts = await database.WriteAsync((context, token) => AppendAsync(context, group, token), cancellationToken);
            foreach (var append in group)
                append.Outcome.SetResult(receipts[append.Entry.MessageId]);
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private async Task<Dictionary<Guid, Receipt>> AppendAsync(AuditContext context, IReadOnlyList<Append> group, CancellationToken cancellationToken)
    {
        var end = await ChainEnd.LockAsync(database, context, cancellationToken);

        // Looked up under the lock: whatever another replica recorded is visible now.
        var ids = group.Select(append => append.Entry.MessageId).Distinct().ToArray();
        var receipts = await context.Entries.Where(e => ids.Contains(e.MessageId))
            .ToDictionaryAsync(e => e.MessageId, e => new Receipt(e.AuditId, e.RunId), cancellationToken);
        foreach (var entry in group.Select(append => append.Entry))
        {
            if (!receipts.ContainsKey(entry.MessageId))
                receipts.Add(entry.MessageId, new Receipt(end.Append(entry), entry.RunId));
        }

        await end.SaveAsync(cancellationToken);
        return receipts;
    }

    private sealed record Append(NewEntry Entry)
    {
        public TaskCompletionSource<Receipt> Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>Where a message is recorded.</summary>
/// <param name="AuditId">The entry.</param>
/// <param name="RunId">The run that it is about.</param>
internal readonly record struct Receipt(long AuditId, string? RunId);
