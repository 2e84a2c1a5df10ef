using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Ampora.Console.Tests;

/// <summary>Everything that a console logs, down to the finest level, for tests of what must not be in it.</summary>
public sealed class LogCapture : ILoggerProvider
{
    // Far more than what one test causes; the console is shared.
    private const int Kept = 200_000;

    private readonly ConcurrentQueue<string> _lines = new();

    public IEnumerable<string> Lines => _lines;

    public ILogger CreateLogger(string categoryName) => new Capturing(this);

    public void Dispose()
    {
    }

    private sealed class Capturing(LogCapture capture) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            capture._lines.Enqueue($"{formatter(state, exception)} {exception}");
            while (capture._lines.Count > Kept)
                capture._lines.TryDequeue(out _);
        }
    }
}
