using System.Diagnostics;
using Ampora.Hosting.Telemetry;
using Ampora.Wakeups;
using Microsoft.Extensions.Options;

namespace Ampora.Sweeper;

/// <summary>
/// The sweeps of this process: at most one for each source, besides which further messages for it only ask for another look. When the
/// process stops, the claims in hand are given back, and what was not begun is left to the Scheduler's reconciliation.
/// </summary>
internal sealed partial class Sweeps : IHostedService, IDisposable
{
    // Claims are given back in milliseconds; with a database that does not answer, the leases end by themselves. The whole stop has 10 s.
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(7);

    private readonly WakeupProtocol _protocol;
    private readonly SourceCheck _check;
    private readonly TimeProvider _time;
    private readonly ILogger<Sweeps> _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Sweeping> _running = [];
    private readonly Revisits _revisits;
    private readonly SemaphoreSlim _places;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenRegistration _onStop;
    private long _lastFinished;
    private bool _stumbled;

    public Sweeps(
        WakeupProtocol protocol, SourceCheck check, IOptions<SweeperLimits> limits, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<Sweeps> logger)
    {
        _protocol = protocol;
        _check = check;
        _time = time;
        _logger = logger;
        _places = new SemaphoreSlim(limits.Value.ChecksAtOnce);
        _revisits = new Revisits(time, (sourceId, cause) => Start(sourceId, cause));
        // Before any hosted service is stopped, so that the bus does not wait for checks that are in flight.
        _onStop = lifetime.ApplicationStopping.Register(_stopping.Cancel);
    }

    /// <summary>How many sources are being checked.</summary>
    public int Running
    {
        get
        {
            lock (_gate)
                return _running.Count;
        }
    }

    /// <summary>How long ago the last sweep ended; null before the first.</summary>
    public TimeSpan? SinceLast => Volatile.Read(ref _lastFinished) is not 0 and var at ? _time.GetElapsedTime(at) : null;

    /// <summary>Checks a source; returns when that is done, or goes on without the caller after <see cref="SweeperLimits.SlotTime"/>.</summary>
    /// <param name="sourceId">The slug of the source.</param>
    /// <param name="cancellationToken">Ends the wait, not the check.</param>
    public async Task CheckAsync(string sourceId, CancellationToken cancellationToken)
    {
        var sweeping = Start(sourceId, Activity.Current?.Context ?? default);
        if (sweeping is null)
            return;

        try
        {
            // While every place is taken, the slot is kept: what waits is then bounded by slots.
            await sweeping.Begun.Task.WaitAsync(cancellationToken);
            await sweeping.Ended.Task.WaitAsync(SweeperLimits.SlotTime, _time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // A slow host: the check goes on beside the slots.
        }
        catch (OperationCanceledException)
        {
            // The bus stops; so does the sweep, by itself.
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        _revisits.Stop();
        Task[] ending;
        lock (_gate)
            ending = [.. _running.Values.Select(s => s.Ended.Task)];
        try
        {
            await Task.WhenAll(ending).WaitAsync(StopDeadline, _time, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            Log.StoppedWithChecks(_logger, Running);
        }
    }

    public void Dispose()
    {
        _onStop.Dispose();
        _revisits.Stop();
        _stopping.Dispose();
        _places.Dispose();
    }

    /// <returns>The new sweep; null when one that runs, or a revisit that is due within moments, covers the request.</returns>
    private Sweeping? Start(string sourceId, ActivityContext cause)
    {
        Sweeping sweeping;
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested)
                return null;
            if (_running.TryGetValue(sourceId, out var running))
            {
                // It may have claimed before this request was committed: it looks once more when it is done.
                running.Again = true;
                running.Cause = cause;
                return null;
            }

            if (_revisits.IsPending(sourceId))
                return null;
            _running.Add(sourceId, sweeping = new Sweeping { Cause = cause });
        }

        _ = RunAsync(sourceId, sweeping);
        return sweeping;
    }

    private async Task RunAsync(string sourceId, Sweeping sweeping)
    {
        // Off the caller's stack, and out of its lock.
        await Task.Yield();
        var placed = false;
        try
        {
            await _places.WaitAsync(_stopping.Token);
            placed = true;
            sweeping.Begun.TrySetResult();
            while (await SweepAsync(sourceId, sweeping))
            {
                // Asked for again meanwhile.
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Never begun: reconciliation wakes another sweeper.
            lock (_gate)
                _running.Remove(sourceId);
        }
        finally
        {
            if (placed)
                _places.Release();
            sweeping.Begun.TrySetResult();
            sweeping.Ended.TrySetResult();
        }
    }

    /// <returns>Whether to sweep the source again at once.</returns>
    private async Task<bool> SweepAsync(string sourceId, Sweeping sweeping)
    {
        TimeSpan? pause = null;
        var well = false;
        using (var activity = AmporaMetrics.Activities.StartActivity("sweep", ActivityKind.Internal, sweeping.Cause))
        {
            activity?.SetTag("ampora.source", sourceId);
            try
            {
                var check = new ReportedCheck(_check, _time, _logger);
                pause = await _protocol.SweepAsync(sourceId, check, _stopping.Token, check.Committed);
                well = true;
                if (Interlocked.Exchange(ref _stumbled, false))
                    Log.Recovered(_logger);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                // The claim was given back.
            }
            catch (Exception e)
            {
                // The store did not answer. The wake-up is in it still, and reconciliation sends it again.
                activity?.SetStatus(ActivityStatusCode.Error, e.GetType().Name);
                if (!Interlocked.Exchange(ref _stumbled, true))
                    Log.Stumbled(_logger, e, sourceId);
            }
        }

        Volatile.Write(ref _lastFinished, _time.GetTimestamp());
        lock (_gate)
        {
            if (well && pause is null && sweeping.Again && !_stopping.IsCancellationRequested)
            {
                sweeping.Again = false;
                return true;
            }

            _running.Remove(sourceId);
            if (pause is { } wait && !_stopping.IsCancellationRequested)
                _revisits.Schedule(sourceId, sweeping.Cause, wait);
            return false;
        }
    }

    private sealed class Sweeping
    {
        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The latest request's trace.</summary>
        public ActivityContext Cause { get; set; }

        public bool Again { get; set; }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "{SourceId} could not be checked because the store did not answer; wake-ups wait until it does")]
        public static partial void Stumbled(ILogger logger, Exception error, string sourceId);

        [LoggerMessage(2, LogLevel.Information, "The store answers again")]
        public static partial void Recovered(ILogger logger);

        [LoggerMessage(3, LogLevel.Warning, "Stopped while {Checks} checks did not end in time; their leases end by themselves")]
        public static partial void StoppedWithChecks(ILogger logger, int checks);
    }
}
