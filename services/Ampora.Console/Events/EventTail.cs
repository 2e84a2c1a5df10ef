using System.Text.Json;
using System.Threading.Channels;
using Ampora.Console.Runs;
using Ampora.Console.Sources;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Events;

/// <summary>
/// Follows the table of events for all listeners of the process at once, and only while there are any. Numbers become visible in their order, so that what is
/// read after the last one seen is never joined by an earlier one.
/// </summary>
internal sealed partial class EventTail(Database<StoreContext> database, TimeProvider time, ILogger<EventTail> logger) : BackgroundService
{
    /// <summary>Each listener costs a connection and a buffer; more than this are rather scripts that do not close theirs.</summary>
    public const int MaxListeners = 500;

    // What a slow client may be behind; then it is closed, and resumes from where it was.
    private const int BufferedEvents = 256;

    private const int BatchSize = 200;

    // A person sees no difference to less, and a database no load from one short query.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);

    // A database that is away is not asked, nor complained about, five times a second.
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan QueryDeadline = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly SemaphoreSlim _somebodyListens = new(0, 1);
    private readonly List<Channel<StreamItem>> _listeners = [];
    private long _position;

    /// <summary>Begins to listen.</summary>
    /// <returns>What comes after <see cref="Listener.Position"/>, without a gap; null when there are too many listeners.</returns>
    public async Task<Listener?> ListenAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (_listeners.Count >= MaxListeners)
                return null;
            if (_listeners.Count == 0)
            {
                _position = await ReadNewestAsync(cancellationToken);
            }

            var channel = Channel.CreateBounded<StreamItem>(new BoundedChannelOptions(BufferedEvents) { SingleReader = true, SingleWriter = true });
            _listeners.Add(channel);
            if (_somebodyListens.CurrentCount == 0)
                _somebodyListens.Release();
            return new Listener(this, channel, _position);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The number of the newest event; 0 when there is none.</summary>
    public async Task<long> ReadNewestAsync(CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        return await context.Events.MaxAsync(e => (long?)e.Sequence, cancellationToken) ?? 0;
    }

    /// <summary>Reads a batch of events.</summary>
    /// <param name="after">Only those with a larger number.</param>
    /// <param name="upTo">Only those up to this number.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<List<StreamItem>> ReadAsync(long after, long upTo, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var events = await context.Events.AsNoTracking()
            .Where(e => e.Sequence > after && e.Sequence <= upTo)
            .OrderBy(e => e.Sequence)
            .Take(BatchSize)
            .ToListAsync(cancellationToken);
        if (events.Count == 0)
            return [];

        var runIds = events.Select(e => e.RunId).OfType<string>().ToList();
        var rows = await context.Runs.AsNoTracking().Where(r => runIds.Contains(r.Id)).ToListAsync(cancellationToken);
        var runs = (await RunReader.ShowAsync(context, rows, RunReader.TriggersInList, cancellationToken)).ToDictionary(r => r.RunId);
        var sourceIds = events.Select(e => e.SourceId).Distinct().ToList();
        var sources = (await SourceReader.ReadAsync(context, context.Sources.Where(s => sourceIds.Contains(s.Id)), cancellationToken)).ToDictionary(s => s.Id);
        return [.. events.Select(e => StreamItem.Of(e, sources.GetValueOrDefault(e.SourceId), e.RunId is { } id ? runs.GetValueOrDefault(id) : null))];
    }

    public override void Dispose()
    {
        base.Dispose();
        _gate.Dispose();
        _somebodyListens.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await _somebodyListens.WaitAsync(stoppingToken);
            while (await FollowAsync(stoppingToken) is { } pause)
                await Task.Delay(pause, time, stoppingToken);
        }
    }

    /// <returns>When to come again; null when nobody listens any more.</returns>
    private async Task<TimeSpan?> FollowAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (_listeners.Count == 0)
                return null;
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(QueryDeadline);
            List<StreamItem> items;
            do
            {
                items = await ReadAsync(_position, long.MaxValue, deadline.Token);
                foreach (var item in items)
                {
                    // Whoever is too slow is closed here; the numbers let it resume without a gap.
                    foreach (var listener in _listeners.Where(l => !l.Writer.TryWrite(item)).ToList())
                    {
                        listener.Writer.TryComplete();
                        _listeners.Remove(listener);
                    }

                    _position = item.Sequence;
                }
            }
            while (items.Count == BatchSize);
            return Tick;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // The database is away for a moment; nothing is skipped, since the position stays.
            Log.NotRead(logger, e);
            return AfterFailure;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task LeaveAsync(Channel<StreamItem> listener)
    {
        await _gate.WaitAsync();
        _listeners.Remove(listener);
        _gate.Release();
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Events could not be read; their listeners wait")]
        public static partial void NotRead(ILogger logger, Exception exception);
    }

    /// <summary>One who listens.</summary>
    internal sealed class Listener(EventTail tail, Channel<StreamItem> channel, long position) : IAsyncDisposable
    {
        /// <summary>The number after which <see cref="Items"/> begin.</summary>
        public long Position { get; } = position;

        /// <summary>The events; they end when the listener is too slow.</summary>
        public ChannelReader<StreamItem> Items => channel.Reader;

        public async ValueTask DisposeAsync() => await tail.LeaveAsync(channel);
    }
}

/// <summary>An event as it is streamed.</summary>
/// <param name="Sequence">Its number.</param>
/// <param name="Kind"><c>run</c> or <c>source</c>.</param>
/// <param name="SourceId">The slug of the source.</param>
/// <param name="Change">What happened to the source.</param>
/// <param name="Source">The source as it is now; null when it was deleted.</param>
/// <param name="RunJson">The run, for a run that is still there.</param>
internal sealed record StreamItem(long Sequence, string Kind, string SourceId, string? Change, SourceView? Source, string? RunJson)
{
    public static StreamItem Of(EventRow row, SourceView? source, RunView? run) =>
        new(row.Sequence, row.Kind, row.SourceId, row.Change, source, run is null ? null : JsonSerializer.Serialize(run, JsonSerializerOptions.Web));
}
