namespace Ampora.Webhooks;

/// <summary>Why a webhook that was verified woke nothing.</summary>
public static class IgnoredReasons
{
    /// <summary>The source is paused.</summary>
    public const string SourcePaused = "source_paused";

    /// <summary>The Git host tests the connection.</summary>
    public const string Ping = "ping";

    /// <summary>What happened moves no ref.</summary>
    public const string EventNotRelevant = "event_not_relevant";

    /// <summary>Other refs moved than the source follows.</summary>
    public const string RefNotTracked = "ref_not_tracked";

    /// <summary>No source follows this repository and ref.</summary>
    public const string NothingMatched = "nothing_matched";
}
