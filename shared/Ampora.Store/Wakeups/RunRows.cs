using System.Text.Json;
using Ampora.Store.Model;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>Turns a run into its row.</summary>
internal static class RunRows
{
    public static RunRow From(Run run, long sequence)
    {
        var summary = run.Summary;
        return new RunRow
        {
            Id = summary.RunId,
            Sequence = sequence,
            SourceId = summary.SourceId,
            Trigger = summary.Trigger,
            CoversPoll = summary.TriggeredBy.Any(t => t.Kind == "poll"),
            Outcome = summary.Outcome,
            RecoveredAfterFailures = summary.RecoveredAfterFailures,
            Ref = summary.Ref,
            PreviousSha = summary.PreviousSha,
            Sha = summary.Sha,
            Forced = summary.Forced,
            Reused = summary.Reused,
            CommitAuthor = summary.Commit?.Author,
            CommitSubject = summary.Commit?.Subject,
            CommittedAt = summary.Commit?.CommittedAt.ToUniversalTime(),
            ChangesJson = JsonSerializer.Serialize(run.Changes, JsonSerializerOptions.Web),
            ChangesTruncated = run.ChangesTruncated,
            Added = summary.Counts.Added,
            Modified = summary.Counts.Modified,
            Removed = summary.Counts.Removed,
            RequestedAt = summary.RequestedAt,
            StartedAt = summary.StartedAt,
            CompletedAt = summary.CompletedAt,
            QueueMs = run.QueueTime.TotalMilliseconds,
            TipMs = run.TipTime.TotalMilliseconds,
            FetchMs = run.FetchTime.TotalMilliseconds,
            StoreMs = run.StoreTime.TotalMilliseconds,
            ErrorCode = summary.Error?.Code,
            ErrorDetail = summary.Error?.Detail,
            ErrorRemedy = summary.Error?.Remedy,
        };
    }
}
