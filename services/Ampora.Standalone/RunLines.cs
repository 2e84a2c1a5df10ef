using System.Collections.Concurrent;
using System.Globalization;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Git;
using Ampora.Store;
using MassTransit;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Standalone;

/// <summary>Prints a line for each run as it is committed. A line that is lost with the process is in the Console.</summary>
internal sealed class RunLines(Greeting greeting, Database<StoreContext> database, PrintedRuns printed) : IConsumer<SyncRunCompleted>
{
    private const int MaxSubjectLength = 100;

    public async Task Consume(ConsumeContext<SyncRunCompleted> context)
    {
        await greeting.Said.WaitAsync(context.CancellationToken);
        var run = context.Message;
        // What is not acknowledged yet comes again.
        if (printed.TryAdd(run.RunId))
            await System.Console.Out.WriteLineAsync(run.Error is null ? Success(run) : Failure(run, await RetryInAsync(run.SourceId, context.CancellationToken)));
    }

    internal static string Success(SyncRunCompleted run)
    {
        var changed = run.Counts.Added + run.Counts.Modified + run.Counts.Removed;
        // Quotes within the subject would end it early.
        var subject = run.Commit is null ? "" : $" \"{OneLine.Of(run.Commit.Subject.Replace('"', '\''), MaxSubjectLength)}\"";
        var recovered = run.RecoveredAfterFailures > 0 ? $"recovered after {run.RecoveredAfterFailures} failed check{Plural(run.RecoveredAfterFailures)}, " : "";
        var took = (run.CompletedAt - run.RequestedAt).TotalMilliseconds.ToString("F0", CultureInfo.InvariantCulture);
        var sha = run.Sha is { Length: > 7 } ? run.Sha[..7] : run.Sha;
        return $"{OneLine.Of(run.SourceId)}: {OneLine.Of(sha)}{subject} {OneLine.Of(run.Trigger)}, {recovered}{changed} file{Plural(changed)} changed, {took} ms";
    }

    internal static string Failure(SyncRunCompleted run, TimeSpan? retryIn)
    {
        var error = run.Error!;
        var retry = retryIn is { } wait ? $"; retry in {Math.Max(1, Math.Ceiling(wait.TotalSeconds)).ToString("F0", CultureInfo.InvariantCulture)} s" : "";
        var see = OptionFor(error.Code, GitUrl.TryParse(run.Url, out var url) is null && url!.IsSsh) is { } option ? $"; see {option}" : "";
        return $"{OneLine.Of(run.SourceId)}: {Clause(error.Detail)}: {Clause(error.Remedy)}{retry}{see}";
    }

    // What the command line can mend, it says how.
    private static string? OptionFor(string code, bool overSsh) => code switch
    {
        "auth_failed" or "not_found" or "credential_unsupported" => overSsh ? "--ssh-key" : "--username",
        "key_unreadable" => "--passphrase-file",
        "host_key_unknown" or "host_key_changed" => "--known-hosts",
        "ref_not_found" or "ref_kind_changed" => "--ref",
        "moved" => "--source",
        _ => null,
    };

    private static string Clause(string sentence)
    {
        var text = OneLine.Of(sentence).TrimEnd('.', ' ');
        return text.Length > 1 && char.IsUpper(text[0]) && char.IsLower(text[1]) ? char.ToLowerInvariant(text[0]) + text[1..] : text;
    }

    private static string Plural(int count) => count == 1 ? "" : "s";

    private async Task<TimeSpan?> RetryInAsync(string sourceId, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var notBefore = await context.Wakeups.Where(w => w.SourceId == sourceId).Select(w => (DateTimeOffset?)w.NotBefore).SingleOrDefaultAsync(cancellationToken);
        return notBefore - database.Time.GetUtcNow() is { } wait && wait > TimeSpan.Zero ? wait : null;
    }
}

/// <summary>The runs of which a line is on the screen.</summary>
internal sealed class PrintedRuns
{
    // A message comes again within half a minute at most; this is far more than the runs of that time.
    private const int Remembered = 10_000;

    private readonly ConcurrentDictionary<string, bool> _ids = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _order = new();

    /// <summary>Notes a run; false when it was noted before.</summary>
    public bool TryAdd(string runId)
    {
        if (!_ids.TryAdd(runId, true))
            return false;
        _order.Enqueue(runId);
        if (_order.Count > Remembered && _order.TryDequeue(out var oldest))
            _ids.TryRemove(oldest, out _);
        return true;
    }
}

/// <summary>Where the lines come from.</summary>
internal static class RunLinesRegistration
{
    /// <summary>Registers the lines: on a queue for as long as the process runs, since nobody reads old ones, and one at a time, in their order.</summary>
    public static void AddRunLines(this IBusRegistrationConfigurator bus) => bus.AddConsumer<RunLines>().Endpoint(endpoint =>
    {
        endpoint.Name = "standalone-lines";
        endpoint.Temporary = true;
        endpoint.ConcurrentMessageLimit = 1;
    });
}
