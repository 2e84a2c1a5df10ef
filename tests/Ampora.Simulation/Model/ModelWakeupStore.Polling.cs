using Ampora.Contracts;
using Ampora.Wakeups;

namespace Ampora.Simulation.Model;

/// <summary>What the Scheduler takes: polls, wake-ups that nobody finished, and messages that nobody acknowledged.</summary>
public sealed partial class ModelWakeupStore
{
    public Task<IReadOnlyList<string>> TakeDuePollsAsync(int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            // Most turns find nothing due, and leave the budget as it is.
            var due = _sources.Values.Where(s => _rules.Polls && !s.Paused && IsDue(s)).ToList();
            var left = _sources.Values.Where(s => IsPollOnly(s) && IsClaimable(s) && !WasWoken(s)).ToList();
            if (due.Count == 0 && left.Count == 0)
                return Task.FromResult<IReadOnlyList<string>>([]);

            var rate = policy.PollRateFactor * _sources.Values.Where(s => !s.Paused).Sum(s => 1 / s.PollInterval.TotalSeconds);
            var elapsed = (Now - _tokensAt).TotalSeconds;
            var tokens = _rules.PollsAreBudgeted
                ? Math.Min(1 + (rate * policy.PollBurst.TotalSeconds), _tokens + (rate * Math.Max(0, elapsed)))
                : int.MaxValue;
            foreach (var wanted in due.Where(s => s.Wanted > s.Done && MayTake(s)))
                ScheduleNextPoll(wanted);
            var taken = due.Where(s => s.Wanted == s.Done).Concat(left.Where(HostHasPlace)).Where(MayTake)
                .OrderByDescending(Overdue).ThenBy(Preference).Take(Math.Min(limit, (int)tokens)).ToList();
            foreach (var source in taken)
            {
                if (source.Wanted == source.Done)
                {
                    NoteAsk(source);
                    ScheduleNextPoll(source);
                }

                source.WokenAt = Now;
            }

            if (taken.Count > 0 || elapsed < 0)
                (_tokens, _tokensAt) = (tokens - taken.Count, Now);
            return Task.FromResult<IReadOnlyList<string>>([.. taken.Select(s => s.Id)]);
        }
    }

    public Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_rules.Reconciles)
                return Task.FromResult<IReadOnlyList<string>>([]);
            var taken = _sources.Values.Where(s => MayTake(s) && !IsPollOnly(s) && IsClaimable(s) && HostHasPlace(s) && !WasWoken(s))
                .OrderBy(s => s.AskedAt).ThenBy(Preference).Take(limit).ToList();
            foreach (var source in taken)
                source.WokenAt = Now;
            return Task.FromResult<IReadOnlyList<string>>([.. taken.Select(s => s.Id)]);
        }
    }

    public Task<IReadOnlyList<OutboxMessage>> TakeUnacknowledgedAsync(int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var taken = Outbox.Values.Where(IsOverdue).OrderBy(m => m.NextAttemptAt).Take(limit).ToList();
            foreach (var message in taken)
            {
                message.Attempts++;
                var delay = policy.RelayAfter * Math.Pow(2, Math.Min(message.Attempts, 10));
                message.NextAttemptAt = Now + (delay < policy.MaxRelayDelay ? delay : policy.MaxRelayDelay);
                if (!_rules.AcknowledgementRemoves)
                    Outbox.Remove(message.Message.Id);
            }

            return Task.FromResult<IReadOnlyList<OutboxMessage>>([.. taken.Select(m => m.Message)]);
        }
    }

    public Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Outbox.Remove(committed.RecordedMessageId);
            if (committed.RunId is not null)
                AuditIds[committed.RunId] = committed.AuditId;
            return Task.CompletedTask;
        }
    }

    private static bool IsPollOnly(ModelSource source) => source.WantedWebhook <= source.Done && source.WantedManual <= source.Done;

    private void ScheduleNextPoll(ModelSource source) =>
        source.NextPollAt = Now + (source.PollInterval * (1 - policy.PollJitter + (2 * policy.PollJitter * _random.NextDouble())));

    /// <summary>For how many intervals it has waited; what was just woken has waited since then.</summary>
    private double Overdue(ModelSource source) =>
        (Now - (source.Wanted == source.Done
            ? source.NextPollAt <= Now ? source.NextPollAt : Now - source.PollInterval
            : new[] { source.AskedAt, source.NotBefore, source.WokenAt }.Max()!.Value)) / source.PollInterval;

    private bool IsDue(ModelSource source) =>
        source.NextPollAt <= Now || (_rules.NextPollHeals && source.NextPollAt > Now + (source.PollInterval * (1 + policy.PollJitter)) + policy.ClockSlack);

    private bool IsOverdue(ModelMessage message) => _rules.Relays
        && (message.NextAttemptAt <= Now || (_rules.RelayHeals && message.NextAttemptAt > Now + policy.MaxRelayDelay + policy.ClockSlack));

    private bool WasWoken(ModelSource source) => source.WokenAt > Now - policy.RecentWakeup
        && (!_rules.WokenHeals || source.WokenAt <= Now + policy.ClockSlack);
}
