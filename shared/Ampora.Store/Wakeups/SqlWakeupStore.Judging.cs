using Ampora.Store.Sql;
using Ampora.Store.Wakeups.Sql;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>Webhooks that were missed.</summary>
internal sealed partial class SqlWakeupStore
{
    public async Task<IReadOnlyList<JudgedCommit>> TakeUnannouncedAsync(TimeSpan grace, int limit, CancellationToken cancellationToken)
    {
        (string Name, object? Value)[] parameters =
            [("grace", grace), ("proof_holds", policy.ProofHolds), ("slack", policy.ClockSlack), ("limit", limit)];
        var (unjudged, stale) = await SurveyAsync(parameters, cancellationToken);
        if (stale)
            await NoteAsync((session, token) => FallBackAsync(session, parameters, token), cancellationToken);
        return unjudged ? await WriteAsync((session, token) => JudgeAsync(session, parameters, token), cancellationToken) : [];
    }

    /// <summary>Most turns find nothing; they cost one read and no lock.</summary>
    private async Task<(bool Unjudged, bool Stale)> SurveyAsync((string Name, object? Value)[] parameters, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var session = await StoreSession.OpenAsync(context, cancellationToken);
        return (await session.ReadAsync(JudgeStatements.Survey, parameters, row => (row.Bool(0), row.Bool(1)), cancellationToken))[0];
    }

    private async Task<int> FallBackAsync(StoreSession session, (string Name, object? Value)[] parameters, CancellationToken cancellationToken)
    {
        var stale = await session.ReadAsync(
            JudgeStatements.TakeStale, parameters, row => new { Id = row.String(0), Random = NextJitter() }, cancellationToken);
        return stale.Count == 0 ? 0 : await session.ExecuteAsync(JudgeStatements.FallBack, [("rows", session.ToJson(stale))], cancellationToken);
    }

    private async Task<IReadOnlyList<JudgedCommit>> JudgeAsync(
        StoreSession session, (string Name, object? Value)[] parameters, CancellationToken cancellationToken)
    {
        var ids = (await session.ReadAsync(JudgeStatements.Sources, parameters, row => row.String(0), cancellationToken)).ToArray();
        // The wake-up rows first: who finds a commit has its row, and so has another scheduler that judges.
        var before = (await session.ReadAsync(
            JudgeStatements.Lock, [("ids", ids)], row => (Id: row.String(0), MissedInRow: row.Int(1)), cancellationToken))
            .ToDictionary(w => w.Id, w => w.MissedInRow, StringComparer.Ordinal);
        var judged = await session.ReadAsync(
            JudgeStatements.Judge,
            [.. parameters, ("ids", ids)],
            row => (SourceId: row.String(0), Sha: row.String(1), FoundAt: row.Time(2), Announced: row.Bool(3)),
            cancellationToken);
        if (judged.Count == 0)
            return [];

        var counts = judged.GroupBy(j => j.SourceId).Select(Count).ToList();
        var commands = new List<Command>
        {
            new(JudgeStatements.Remove, [("rows", session.ToJson(judged.Select(j => new { j.SourceId, j.Sha, j.FoundAt })))]),
            new(JudgeStatements.Count, [("rows", session.ToJson(counts))]),
        };
        // Those whose health this changes are told of, last, because the stream's lock is held from there on.
        foreach (var source in counts.Where(c => c.Missed > 0 || before.GetValueOrDefault(c.Id) > 0))
        {
            (string Name, object? Value)[] changed = [("id", source.Id), ("count", 1L), ("change", "health")];
            commands.Add(new(FinishStatements.NumberEvents, changed));
            commands.Add(new(FinishStatements.AddSourceEvent, changed));
        }

        await session.RunAsync(commands, cancellationToken);
        return [.. judged.Select(j => new JudgedCommit(j.SourceId, j.Sha, Missed: !j.Announced))];

        MissCount Count(IGrouping<string, (string SourceId, string Sha, DateTimeOffset FoundAt, bool Announced)> found)
        {
            var inRow = found.Reverse().TakeWhile(f => !f.Announced).Count();
            return new(found.Key, found.Count(f => !f.Announced), inRow, StartsAnew: inRow < found.Count(), NextJitter());
        }
    }

    private sealed record MissCount(string Id, long Missed, int InRow, bool StartsAnew, double Random);
}
