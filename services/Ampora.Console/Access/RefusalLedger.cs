using Ampora.Console.Announcing;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using Ampora.Wakeups;

namespace Ampora.Console.Access;

/// <summary>
/// Counts requests that were refused with 401 and records them in the audit log, grouped: the first of an address and reason within a second, then one entry a
/// minute. So a flood of guesses is counted exactly and costs few entries.
/// </summary>
internal sealed partial class RefusalLedger(Database<StoreContext> database, Announcer announcer, TimeProvider time, ILogger<RefusalLedger> logger) : BackgroundService
{
    // A flood from many addresses must not fill the memory: what does not fit is counted together.
    private const int MaxGroups = 1000;

    private const string Overflow = "others";
    private const string Unknown = "unknown";

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan GroupFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan WriteDeadline = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Address, string Reason), Group> _groups = [];
    private readonly List<Due> _unrecorded = [];

    /// <summary>Counts a refused request.</summary>
    public void Count(string? address, string reason)
    {
        lock (_lock)
        {
            var key = (address ?? Unknown, reason);
            if (!_groups.ContainsKey(key) && _groups.Count >= MaxGroups)
                key = (Overflow, reason);
            if (!_groups.TryGetValue(key, out var group))
                _groups[key] = group = new Group();
            group.Pending++;
            group.LastAt = time.GetUtcNow();
        }
    }

    /// <summary>Records what is due now.</summary>
    /// <param name="all">Whether groups whose minute has not passed are recorded too, as at the end.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task RecordAsync(bool all, CancellationToken cancellationToken)
    {
        var due = TakeDue(all);
        if (due.Count == 0)
            return;
        try
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(WriteDeadline);
            var messages = await database.WriteAsync(
                async (context, stop) =>
                {
                    var written = new List<OutboxMessage>();
                    foreach (var entry in due)
                        written.Add(await StoreJournal.AddAuditAsync(context, entry.MessageId, entry.Record, stop));
                    await context.SaveChangesAsync(stop);
                    return written;
                },
                deadline.Token);
            foreach (var message in messages)
                announcer.Announce(null, message);
        }
        catch (Exception e)
        {
            // Under the same message ids, so that a commit whose outcome was lost is not counted twice.
            lock (_lock)
                _unrecorded.AddRange(due);
            Log.NotRecorded(logger, e);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Tick, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await RecordAsync(all: false, stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // What was counted until now is recorded below.
        }

        await RecordAsync(all: true, CancellationToken.None);
    }

    private List<Due> TakeDue(bool all)
    {
        var now = time.GetTimestamp();
        var due = new List<Due>();
        lock (_lock)
        {
            if (_unrecorded.Count > 0)
            {
                // The database was away: these first. What is refused meanwhile stays in its groups, so that the list does not grow.
                due.AddRange(_unrecorded);
                _unrecorded.Clear();
                return due;
            }

            foreach (var (key, group) in _groups.ToList())
            {
                var waits = group.RecordedAt is { } recorded && time.GetElapsedTime(recorded, now) < GroupFor;
                if (group.Pending > 0 && (all || !waits))
                {
                    due.Add(new Due(Guid.NewGuid(), MakeRecord(key, group)));
                    group.Pending = 0;
                    group.RecordedAt = now;
                }
                else if (group.Pending == 0 && !waits)
                {
                    _groups.Remove(key);
                }
            }
        }

        return due;
    }

    private static AuditRecorded MakeRecord((string Address, string Reason) key, Group group) => new()
    {
        OccurredAt = group.LastAt,
        Actor = $"address:{key.Address}",
        Action = "api.refused",
        Subject = "api",
        RemoteIp = key.Address is Overflow or Unknown ? null : key.Address,
        Count = group.Pending,
        Detail = new Dictionary<string, string> { ["reason"] = key.Reason },
    };

    private sealed class Group
    {
        public long Pending { get; set; }

        public DateTimeOffset LastAt { get; set; }

        public long? RecordedAt { get; set; }
    }

    private sealed record Due(Guid MessageId, AuditRecorded Record);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Refused requests could not be recorded yet; they stay counted")]
        public static partial void NotRecorded(ILogger logger, Exception exception);
    }
}
