using System.Diagnostics;

namespace Ampora.Wakeups;

/// <summary>The protocol's steps as spans, so that a trace shows which of them took the time; nothing is recorded while nobody listens.</summary>
internal static class Spans
{
    // The services' source by name: listeners know one name for all of Ampora.
    private static readonly ActivitySource Source = new("Ampora");

    /// <summary>The commit of requests for checks.</summary>
    public static Activity? Ask() => Source.StartActivity("ask");

    /// <summary>An attempt to claim.</summary>
    public static Activity? Claim() => Source.StartActivity("claim");

    /// <summary>One try to commit what a check found.</summary>
    public static Activity? Commit() => Source.StartActivity("commit");

    /// <summary>The publication of a message that reports something committed.</summary>
    public static Activity? Publish() => Source.StartActivity("publish");

    /// <summary>Telling sweepers of wake-ups.</summary>
    public static Activity? Wake() => Source.StartActivity("wake");
}
