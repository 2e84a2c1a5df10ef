using System.Diagnostics.Metrics;
using Ampora.Contracts;
using Ampora.Hosting.Telemetry;
using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.Extensions.Logging;

namespace Ampora.Sweeper.Tests;

public sealed class ReportSpecs
{
    private readonly LineLog _log = new();

    [Fact]
    public void Each_run_is_one_line_and_one_count()
    {
        var counted = new List<(string Trigger, string Outcome)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == AmporaMetrics.Name && instrument.Name == "ampora_sync_runs_total")
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
        {
            // Other tests count at the same time.
            if ((string)tags[0].Value! == "report-specs")
                counted.Add(("report-specs", (string)tags[1].Value!));
        });
        listener.Start();

        var reported = new ReportedCheck(new NoCheck(), new ManualClock(), _log);
        reported.Committed(Run());
        reported.Committed(Run(failures: 3));
        reported.Committed(Run(error: new RunError("auth_failed", "The host refused the credential.", "Give another.")));

        Assert.Equal(
            [
                "Information: fleet: aaaaaaaaaaaa -> bbbbbbbbbbbb, 3 paths changed, by report-specs, 40 ms after the request (run_1)",
                "Information: fleet: recovered after 3 failed checks, now at bbbbbbbbbbbb, by report-specs (run_1)",
                "Warning: fleet: The host refused the credential. [auth_failed]; Give another. (run_1)",
            ],
            _log.Lines);
        Assert.Equal([("report-specs", "succeeded"), ("report-specs", "succeeded"), ("report-specs", "failed")], counted);
    }

    private static Run Run(int failures = 0, RunError? error = null) => new()
    {
        Summary = new SyncRunCompleted
        {
            RunId = "run_1",
            SourceId = "fleet",
            Url = "https://host.example/fleet.git",
            Ref = "main",
            Trigger = "report-specs",
            TriggeredBy = [],
            Outcome = error is null ? "succeeded" : "failed",
            RecoveredAfterFailures = failures,
            PreviousSha = new string('a', 40),
            Sha = new string('b', 40),
            Changes = [],
            Counts = new ChangeCounts(1, 1, 1),
            RequestedAt = default,
            StartedAt = default,
            CompletedAt = default,
            Error = error,
        },
        Changes = [],
        ChangesTruncated = false,
        QueueTime = TimeSpan.FromMilliseconds(40),
        TipTime = default,
        FetchTime = default,
        StoreTime = default,
    };

    private sealed class NoCheck : ICheck
    {
        public Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken) => throw new InvalidOperationException("Nothing is checked here.");
    }

    private sealed class LineLog : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
