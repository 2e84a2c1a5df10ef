namespace Ampora.Ingress;

/// <summary>What ingress leans on, and whether it is away: one log line when it goes and one when it is back, however many requests notice.</summary>
internal sealed class Outages(TimeProvider time, ILogger<Outages> logger)
{
    /// <summary>The store's database.</summary>
    public Outage Database { get; } = new("The database", "webhooks are answered 503 and their senders come back", time, logger);

    /// <summary>The message bus.</summary>
    public Outage Bus { get; } = new("The message bus", "committed wake-ups are announced by the scheduler's reconciliation", time, logger);
}

/// <summary>Whether one thing is away.</summary>
internal sealed partial class Outage(string what, string consequence, TimeProvider time, ILogger logger)
{
    // Under load some calls fail while others succeed: only this long without a failure is an end, so that the log does not flicker.
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private bool _away;
    private long _lastFailure;

    /// <summary>Whether a call failed so recently that another need not be tried.</summary>
    public bool IsFresh
    {
        get
        {
            lock (_gate)
                return _away && time.GetElapsedTime(_lastFailure) < Calm;
        }
    }

    /// <summary>Notes that a call failed.</summary>
    public void Failed(Exception failure)
    {
        lock (_gate)
        {
            _lastFailure = time.GetTimestamp();
            if (_away)
                return;
            _away = true;
        }

        // The wrappers around it say only that something failed.
        var cause = failure.GetBaseException();
        Log.Away(logger, what, consequence, cause.GetType().Name, cause.Message);
    }

    /// <summary>Notes that a call succeeded.</summary>
    public void Succeeded()
    {
        if (!Volatile.Read(ref _away))
            return;
        lock (_gate)
        {
            if (!_away || time.GetElapsedTime(_lastFailure) < Calm)
                return;
            _away = false;
        }

        Log.Back(logger, what);
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "{What} is away or too slow ({Kind}: {Message}); {Consequence}")]
        public static partial void Away(ILogger logger, string what, string consequence, string kind, string message);

        [LoggerMessage(2, LogLevel.Information, "{What} is back")]
        public static partial void Back(ILogger logger, string what);
    }
}
