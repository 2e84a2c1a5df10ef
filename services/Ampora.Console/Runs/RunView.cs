using System.Text.Json;
using Ampora.Contracts;
using Ampora.Store.Model;

namespace Ampora.Console.Runs;

/// <summary>A run as the API shows it.</summary>
internal sealed record RunView
{
    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);

    public required string RunId { get; init; }

    public required string SourceId { get; init; }

    /// <summary><c>webhook</c>, <c>poll</c>, <c>manual</c> or <c>initial</c>.</summary>
    public required string Trigger { get; init; }

    /// <summary>Who asked for the check that made this run.</summary>
    public required IReadOnlyList<RunTrigger> TriggeredBy { get; init; }

    /// <summary><c>succeeded</c> or <c>failed</c>.</summary>
    public required string Outcome { get; init; }

    public required int RecoveredAfterFailures { get; init; }

    public required string Ref { get; init; }

    public required string? PreviousSha { get; init; }

    public required string? Sha { get; init; }

    public required bool Forced { get; init; }

    public required bool Reused { get; init; }

    public required CommitView? Commit { get; init; }

    public required IReadOnlyList<PathChange> Changes { get; init; }

    public required bool ChangesTruncated { get; init; }

    public required ChangeCounts Counts { get; init; }

    public required DateTime RequestedAt { get; init; }

    public required DateTime StartedAt { get; init; }

    public required DateTime CompletedAt { get; init; }

    public required StagesView Stages { get; init; }

    public required RunError? Error { get; init; }

    /// <summary>The entry in the audit log; null until it is recorded.</summary>
    public required long? AuditId { get; init; }

    public static RunView Of(RunRow row, IReadOnlyList<RunTrigger> triggeredBy) => new()
    {
        RunId = row.Id,
        SourceId = row.SourceId,
        Trigger = row.Trigger,
        TriggeredBy = triggeredBy,
        Outcome = row.Outcome,
        RecoveredAfterFailures = row.RecoveredAfterFailures,
        Ref = row.Ref,
        PreviousSha = row.PreviousSha,
        Sha = row.Sha,
        Forced = row.Forced,
        Reused = row.Reused,
        Commit = row.CommittedAt is { } committedAt ? new CommitView(row.CommitAuthor ?? "", row.CommitSubject ?? "", committedAt.UtcDateTime) : null,
        Changes = JsonSerializer.Deserialize<List<PathChange>>(row.ChangesJson, Web) ?? [],
        ChangesTruncated = row.ChangesTruncated,
        Counts = new ChangeCounts(row.Added, row.Modified, row.Removed),
        RequestedAt = row.RequestedAt.UtcDateTime,
        StartedAt = row.StartedAt.UtcDateTime,
        CompletedAt = row.CompletedAt.UtcDateTime,
        Stages = new StagesView(row.QueueMs, row.TipMs, row.FetchMs, row.StoreMs),
        Error = row.ErrorCode is { } code ? new RunError(code, row.ErrorDetail ?? "", row.ErrorRemedy ?? "") : null,
        AuditId = row.AuditId,
    };
}

/// <summary>A commit, as far as a person needs it to recognise it.</summary>
internal sealed record CommitView(string Author, string Subject, DateTime CommittedAt);

/// <summary>How long the stages of a run took, in milliseconds.</summary>
internal sealed record StagesView(double QueueMs, double TipMs, double FetchMs, double StoreMs);
