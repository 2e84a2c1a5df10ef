namespace Ampora.Hosting.Logging;

/// <summary>How the log is written: <c>Ampora__Logging__…</c>.</summary>
public sealed class LoggingSettings
{
    /// <summary><c>text</c> for people, <c>json</c> for a log store; either is one line for each event.</summary>
    public LogFormat Format { get; set; } = LogFormat.Text;
}

/// <summary>The form of a log line.</summary>
public enum LogFormat
{
    /// <summary>Time, level, category and message.</summary>
    Text,

    /// <summary>A JSON object with the message's values as fields.</summary>
    Json,
}
