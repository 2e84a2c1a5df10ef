namespace Ampora.Scheduler;

/// <summary>Something that may fail for a while: one line when it begins to, one when it works again.</summary>
/// <param name="logger">Where to.</param>
/// <param name="name">What it is, for people.</param>
internal sealed partial class Trouble(ILogger logger, string name)
{
    private bool _exists;

    /// <summary>Whether it failed the last time.</summary>
    public bool Exists => Volatile.Read(ref _exists);

    /// <summary>It failed.</summary>
    public void Note(Exception error)
    {
        if (!Interlocked.Exchange(ref _exists, true))
            Log.Failing(logger, error, name);
    }

    /// <summary>It worked.</summary>
    public void Clear()
    {
        if (Interlocked.Exchange(ref _exists, false))
            Log.Recovered(logger, name);
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "Scheduler: {Work} failed, and is tried again until it succeeds")]
        public static partial void Failing(ILogger logger, Exception error, string work);

        [LoggerMessage(2, LogLevel.Information, "Scheduler: {Work} succeeded again")]
        public static partial void Recovered(ILogger logger, string work);
    }
}
