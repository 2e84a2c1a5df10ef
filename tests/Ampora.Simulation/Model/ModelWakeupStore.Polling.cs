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
            var rate = policy.PollRateFactor * _sources.Values.Where(s => !s.Paused).Sum(s => 1 / s.PollInterval.TotalSeconds);
            var elapsed = Math.Max(0, (Now - _tokensAt).TotalSeconds);
            _tokens = Math.Min(1 + (rate * policy.PollBurst.TotalSeconds), _tokens + (rate * elapsed));
            _tokensAt = Now;

            if (!_rules.PollsAreBudgeted)
                _tokens = int.MaxValue;

            foreach (var wanted in _sources.Values.Where(s => !s.Paused && IsDue(s) && s.Wanted > s.Done))
                ScheduleNextPoll(wanted);
            var due = _sources.Values.Where(s => _rules.Polls && !s.Paused && IsDue(s)).OrderByDescending(s => s.NextPollAt <= Now ? (Now - s.NextPollAt) / s.PollInterval : 1);
            var left = _sources.Values.Where(s => IsPollOnly(s) && IsClaimable(s) && HostHasPlace(s) && !WasWoken(s)).OrderBy(s => s.AskedAt);
            var taken = left.Concat(due).Take(Math.Min(limit, (int)_tokens)).ToList();
            foreach (var source in taken)
            {
                _tokens--;
                if (source.Wanted == source.Done)
                {
                    NoteAsk(source);
                    ScheduleNextPoll(source);
                }

                source.WokenAt = Now;
            }

            return Task.FromResult<IReadOnlyList<string>>([.. taken.Select(s => s.Id)]);
        }
    }

    public Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_rules.Reconciles)
                return Task.FromResult<IReadOnlyList<string>>([]);
            var taken = _sources.Values.Where(s => !IsPollOnly(s) && IsClaimable(s) && HostHasPlace(s) && !WasWoken(s)).OrderBy(s => s.AskedAt).Take(limit).ToList();
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

    private bool IsDue(ModelSource source) =>
        source.NextPollAt <= Now || (_rules.NextPollHeals && source.NextPollAt > Now + (source.PollInterval * (1 + policy.PollJitter)) + policy.ClockSlack);

    private bool IsOverdue(ModelMessage message) => _rules.Relays
        && (message.NextAttemptAt <= Now || (_rules.RelayHeals && message.NextAttemptAt > Now + policy.MaxRelayDelay + policy.ClockSlack));

    private bool WasWoken(ModelSource source) => source.WokenAt > Now - policy.RecentWakeup && source.WokenAt <= Now + policy.ClockSlack;
}
