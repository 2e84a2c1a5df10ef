using Ampora.Git.Protocol;

namespace Ampora.Git;

/// <summary>
/// Lets readings of one remote and credential that wait at the same time share one listing of its refs. A listing begins only after all of its
/// members called, so each of them sees what was pushed before it called. Safe for concurrent use.
/// </summary>
internal sealed class SharedReadings(Func<GitRemote, IReadOnlyCollection<string>, CancellationToken, Task<RefReading>> read, TimeProvider time)
{
    // Sources that one push woke are claimed within milliseconds of each other; on a busy machine it takes tens. So long is waited at
    // least, for those that another sweeper has claimed.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    // And longer, the more are still to be claimed: one whose turn is late must not find the listing begun.
    private static readonly TimeSpan PauseForEach = TimeSpan.FromMilliseconds(10);

    // Nobody waits for longer, whoever else may come.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    // Each is compared with each ref of the list; further ones are read by the next listing.
    private const int MaxNames = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Url, string Credential), Line> _lines = [];

    /// <summary>Reads a ref, together with whoever waits for the same remote.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="refName">A valid name.</param>
    /// <param name="companions">How many others are known to come.</param>
    /// <param name="cancellationToken">Leaves the reading, which ends when all have left it.</param>
    public async Task<RefReading> ReadAsync(GitRemote remote, string refName, int companions, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Line? line;
        Batch batch;
        Batch? ready;
        lock (_gate)
        {
            if (!_lines.TryGetValue(remote.Key, out line))
                _lines[remote.Key] = line = new Line(remote);
            batch = line.Join(refName, companions, time.GetTimestamp());
            ready = FindReady(line);
        }

        Start(line, ready);
        try
        {
            return await batch.Reading.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            Leave(line, batch);
        }
    }

    // The lock is held. Null when a listing runs still, or others are waited for: then a timer looks again.
    private Batch? FindReady(Line line)
    {
        if (line.Running is not null || line.Waiting.First?.Value is not { } batch)
            return null;
        var due = batch.DueIn(time);
        if (due > TimeSpan.Zero)
        {
            batch.Timer ??= time.CreateTimer(_ => Continue(line), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            batch.Timer.Change(due, Timeout.InfiniteTimeSpan);
            return null;
        }

        line.Waiting.RemoveFirst();
        batch.Timer?.Dispose();
        return line.Running = batch;
    }

    private void Continue(Line line)
    {
        Batch? ready;
        lock (_gate)
            ready = FindReady(line);
        Start(line, ready);
    }

    private void Start(Line line, Batch? batch)
    {
        if (batch is not null)
            _ = RunAsync(line, batch);
    }

    private async Task RunAsync(Line line, Batch batch)
    {
        try
        {
            batch.Reading.TrySetResult(await read(line.Remote, batch.Names, batch.Ending.Token));
        }
        catch (OperationCanceledException)
        {
            batch.Reading.TrySetCanceled(CancellationToken.None);
        }
        catch (Exception e)
        {
            batch.Reading.TrySetException(e);
            // Whoever waits gets it; when all have left, nobody needs it.
            _ = batch.Reading.Task.Exception;
        }

        Batch? next;
        lock (_gate)
        {
            line.Running = null;
            next = FindReady(line);
            RemoveIfIdle(line);
        }

        Start(line, next);
    }

    private void Leave(Line line, Batch batch)
    {
        var isAbandoned = false;
        lock (_gate)
        {
            if (--batch.Members == 0 && !batch.Reading.Task.IsCompleted)
            {
                isAbandoned = true;
                if (line.Waiting.Remove(batch))
                {
                    batch.Timer?.Dispose();
                    RemoveIfIdle(line);
                }
            }
        }

        if (isAbandoned)
            batch.Ending.Cancel();
    }

    private void RemoveIfIdle(Line line)
    {
        if (line.Running is null && line.Waiting.Count == 0)
            _lines.Remove(line.Remote.Key);
    }

    // Those who read one remote: one listing at a time, and who came since it began.
    private sealed class Line(GitRemote remote)
    {
        public GitRemote Remote => remote;

        public Batch? Running { get; set; }

        public LinkedList<Batch> Waiting { get; } = [];

        public Batch Join(string refName, int companions, long now)
        {
            var batch = Waiting.Last?.Value;
            if (batch is null || (batch.Names.Count == MaxNames && !batch.Names.Contains(refName)))
                Waiting.AddLast(batch = new Batch(now));
            batch.Join(refName, companions, now);
            return batch;
        }
    }

    private sealed class Batch(long first)
    {
        private int _joined;
        private int _expected;
        private int _companions;
        private long _latest;

        public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

        public int Members { get; set; }

        // Never disposed: it has no timer, and whoever leaves last may cancel it after the listing ended.
        public CancellationTokenSource Ending { get; } = new();

        public TaskCompletionSource<RefReading> Reading { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ITimer? Timer { get; set; }

        public void Join(string refName, int companions, long now)
        {
            Names.Add(refName);
            Members++;
            // Those who were told to come remain expected while they are on their way: claimed, but not here yet.
            _companions = companions;
            _expected = Math.Max(_expected, ++_joined + companions);
            _latest = now;
        }

        public TimeSpan DueIn(TimeProvider time)
        {
            if (_joined >= _expected || Names.Count == MaxNames)
                return TimeSpan.Zero;
            var now = time.GetTimestamp();
            var quiet = Pause + (_companions * PauseForEach) - time.GetElapsedTime(_latest, now);
            var longest = Longest - time.GetElapsedTime(first, now);
            return quiet < longest ? quiet : longest;
        }
    }
}
