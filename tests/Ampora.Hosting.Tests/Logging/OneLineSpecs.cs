using System.Text.Json;
using Ampora.Hosting.Logging;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ampora.Hosting.Tests.Logging;

public sealed class OneLineSpecs
{
    private const string Hostile = "main\r\n2026-01-01T00:00:00.000Z info Ampora: forged \u001b[31m\u2028\u202e\0";

    [Theory]
    [InlineData(LogFormat.Text)]
    [InlineData(LogFormat.Json)]
    public void An_event_is_one_line_whatever_is_in_a_name(LogFormat format)
    {
        var line = Write(format, LogLevel.Information, $"pushed to {Hostile}", new InvalidOperationException("two\nlines"));
        Assert.Equal("\n", line[^1..]);
        Assert.DoesNotContain(line[..^1], c => char.IsControl(c) || c is '\u2028' or '\u202e');
        if (format == LogFormat.Json)
            Assert.Equal($"pushed to {Hostile}", JsonDocument.Parse(line).RootElement.GetProperty("message").GetString());
        else
            Assert.Contains(" info Ampora.Trial: pushed to main\\r\\n", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LogFormat.Text)]
    [InlineData(LogFormat.Json)]
    public void A_token_that_slipped_into_a_message_is_hidden(LogFormat format)
    {
        var line = Write(format, LogLevel.Error, "POST /api/git/webhook/x?a=1&token=hunter2&b=2 amp_aXmjW0vT7QzKk5b3mVb1uQx2nY8s", new InvalidOperationException("?token=hunter2"));
        Assert.DoesNotContain("hunter2", line, StringComparison.Ordinal);
        Assert.DoesNotContain("aXmjW0vT7QzKk5b3", line, StringComparison.Ordinal);
    }

    private static string Write(LogFormat format, LogLevel level, string message, Exception? exception)
    {
        var writer = new StringWriter { NewLine = "\n" };
        new OneLineFormatter(TimeProvider.System, format)
            .Write(new LogEntry<string>(level, "Ampora.Trial", default, message, exception, (state, _) => state), scopeProvider: null, writer);
        return writer.ToString();
    }
}
