using Ampora.Store.Sql;
using Ampora.Store.Wakeups.Sql;

namespace Ampora.Store.Wakeups;

/// <summary>Due polls and wake-ups that nobody finished.</summary>
internal sealed partial class SqlWakeupStore
{
    // Moving a source on costs one update; the rest is moved on the next tick.
    private const int MaxMovedOn = 1000;

    private (string Name, object? Value)[] PollParameters => [.. _policy, ("longest_factor", 1 + policy.PollJitter)];

    public async Task<IReadOnlyList<string>> TakeDuePollsAsync(int limit, CancellationToken cancellationToken)
    {
        var (polls, work) = await SurveyAsync(cancellationToken);
        return work
            ? await NoteAsync((session, token) => TakeDuePollsAsync(session, policy.PollRateFactor * polls, limit, token), cancellationToken)
            : [];
    }

    public async Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken) =>
        await NoteAsync(
            (session, token) => session.ReadAsync(PollStatements.TakeUnfinished, [.. _policy, ("limit", limit)], row => row.String(0), token),
            cancellationToken);

    /// <summary>Most ticks find nothing due; they cost one read and no lock.</summary>
    private async Task<(double PollsPerSecond, bool Work)> SurveyAsync(CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var session = await StoreSession.OpenAsync(context, cancellationToken);
        var rows = await session.ReadAsync(PollStatements.Survey, PollParameters, row => (row.Double(0), row.Bool(1)), cancellationToken);
        return rows[0];
    }

    private async Task<IReadOnlyList<string>> TakeDuePollsAsync(StoreSession session, double rate, int limit, CancellationToken cancellationToken)
    {
        // Locked first, so that schedulers draw one after the other.
        var budget = (await session.ReadAsync(
            PollStatements.LockBudget, [], row => (Tokens: row.Double(0), Elapsed: row.Double(1)), cancellationToken))[0];
        // An elapsed time below zero: the clock has jumped back, and the budget starts anew from now.
        // One more than the burst, because polls are not taken in parts: without it the part that is left over each time would be lost.
        var burst = 1 + (rate * policy.PollBurst.TotalSeconds);
        var tokens = Math.Min(burst, budget.Tokens + (rate * Math.Max(0, budget.Elapsed)));
        var take = Math.Min(limit, (int)tokens);

        var moved = await session.ReadAsync(
            PollStatements.DueAndWanted, [.. PollParameters, ("limit", MaxMovedOn)], row => row.String(0), cancellationToken);
        var taken = take <= 0
            ? []
            : await session.ReadAsync(
                PollStatements.MostOverdue,
                [.. PollParameters, ("limit", take)],
                row => (Id: row.String(0), Left: row.Bool(1)),
                cancellationToken);
        var due = taken.Where(t => !t.Left).Select(t => t.Id).ToArray();
        var left = taken.Where(t => t.Left).Select(t => t.Id).ToArray();

        var commands = new List<Command>();
        if (due.Length > 0)
            commands.Add(new(PollStatements.AskForPolls, [("ids", due)]));
        if (left.Length > 0)
            commands.Add(new(PollStatements.NoteWoken, [("ids", left)]));
        var next = moved.Concat(due).Select(id => new { Id = id, Factor = 1 - policy.PollJitter + (2 * policy.PollJitter * NextJitter()) }).ToList();
        if (next.Count > 0)
            commands.Add(new(PollStatements.ScheduleNext, [("rows", session.ToJson(next))]));
        if (taken.Count > 0 || budget.Elapsed < 0)
            commands.Add(new(PollStatements.SpendBudget, [("tokens", tokens - taken.Count)]));
        await session.RunAsync(commands, cancellationToken);
        return [.. due, .. left];
    }
}
