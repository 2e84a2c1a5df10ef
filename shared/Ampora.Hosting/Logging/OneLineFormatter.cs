using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Ampora.Hosting.Logging;

/// <summary>
/// One event is one line, whatever a Git host put into a branch's name: control characters are written as escapes. As a last line of
/// defence, what looks like one of Ampora's tokens is blanked; code that logs must not rely on it.
/// </summary>
internal sealed partial class OneLineFormatter(TimeProvider time, LogFormat format) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "ampora";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        var timestamp = time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        textWriter.WriteLine(format == LogFormat.Json
            ? Json(timestamp, logEntry.LogLevel, logEntry.Category, logEntry.EventId, message, logEntry.Exception, logEntry.State, scopeProvider)
            : Text(timestamp, logEntry.LogLevel, logEntry.Category, message, logEntry.Exception));
    }

    private static string Text(string timestamp, LogLevel level, string category, string message, Exception? exception)
    {
        var line = new StringBuilder().Append(timestamp).Append(' ').Append(LevelName(level)).Append(' ').Append(category).Append(": ");
        AppendSafe(line, WithoutTokens(message));
        if (exception is not null)
        {
            line.Append(" | ");
            AppendSafe(line, WithoutTokens(Told(level, exception)));
        }
        return line.ToString();
    }

    private static string Json<TState>(
        string timestamp, LogLevel level, string category, EventId eventId, string message, Exception? exception, TState state, IExternalScopeProvider? scopes)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("time", timestamp);
            json.WriteString("level", LevelName(level));
            json.WriteString("category", category);
            if (eventId.Name is not null)
                json.WriteString("event", eventId.Name);
            json.WriteString("message", WithoutTokens(message));
            if (exception is not null)
                json.WriteString("exception", WithoutTokens(Told(level, exception)));
            WriteValues(json, state);
            scopes?.ForEachScope((scope, writer) => WriteValues(writer, scope), json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteValues(Utf8JsonWriter json, object? values)
    {
        if (values is not IEnumerable<KeyValuePair<string, object?>> pairs)
            return;
        foreach (var (key, value) in pairs)
        {
            if (key != "{OriginalFormat}" && value is not null)
                json.WriteString(key, WithoutTokens(Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""));
        }
    }

    private static void AppendSafe(StringBuilder line, string text)
    {
        foreach (var c in text)
        {
            switch (c)
            {
                case '\n':
                    line.Append("\\n");
                    break;
                case '\r':
                    line.Append("\\r");
                    break;
                // Line separators and the direction overrides that make a line read as something else.
                case '\u2028' or '\u2029' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069'):
                case var control when char.IsControl(control):
                    line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    break;
                default:
                    line.Append(c);
                    break;
            }
        }
    }

    // A warning is about the world (a broker that is away): its stack is only noise. An error may be about the code.
    private static string Told(LogLevel level, Exception exception)
    {
        if (level >= LogLevel.Error)
            return exception.ToString();
        var told = new StringBuilder();
        for (Exception? e = exception; e is not null; e = e.InnerException)
            told.Append(told.Length == 0 ? "" : " ← ").Append(e.GetType().Name).Append(": ").Append(e.Message);
        return told.ToString();
    }

    private static string WithoutTokens(string text) =>
        text.Contains("token=", StringComparison.OrdinalIgnoreCase) || text.Contains("amp_", StringComparison.Ordinal) ? Tokens().Replace(text, "[hidden]") : text;

    private static string LevelName(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "critical",
    };

    [GeneratedRegex("""(?<=[?&]token=)[^&\s"']+|amp_[A-Za-z0-9_-]{20,}""", RegexOptions.IgnoreCase)]
    private static partial Regex Tokens();
}
