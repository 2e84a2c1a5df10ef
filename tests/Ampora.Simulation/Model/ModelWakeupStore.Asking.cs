using Ampora.Wakeups;

namespace Ampora.Simulation.Model;

/// <summary>How checks are asked for.</summary>
public sealed partial class ModelWakeupStore
{
    public Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken)
    {
        lock (_gate)
            return Task.FromResult<IReadOnlyList<AskOutcome>>([.. asks.Select(AskOne)]);
    }

    private AskOutcome AskOne(Ask ask)
    {
        if (!_sources.TryGetValue(ask.SourceId, out var source))
            return AskOutcome.NoSource;
        switch (ask)
        {
            case ManualAsk when source.Paused:
                return AskOutcome.Paused;
            case ManualAsk manual:
                AskManually(source, manual.RequestId, manual.Actor, manual.DeliveryId);
                return AskOutcome.Accepted;
            case WebhookAsk webhook when _rules.StaleSecretsAreRefused && webhook.SecretVersion != source.SecretVersion:
                return AskOutcome.StaleSecret;
            case WebhookAsk webhook when source.Paused || webhook.Delivery.IgnoredBecause is not null:
                var reason = source.Paused ? "source_paused" : webhook.Delivery.IgnoredBecause;
                AddDelivery(source, webhook.Delivery, reason);
                return source.Paused ? AskOutcome.Paused : AskOutcome.Ignored;
            case WebhookAsk webhook:
                if (_rules.WebhooksCount)
                    NoteAsk(source);
                source.WantedWebhook = source.Wanted;
                PullForward(source);
                Expect(source, webhook.Delivery.AnnouncedSha);
                AddDelivery(source, webhook.Delivery, ignoredBecause: null);
                return AskOutcome.Accepted;
            default:
                throw new ArgumentException($"unknown kind of request {ask.GetType()}");
        }
    }

    private void AskManually(ModelSource source, string requestId, string actor, string? deliveryId = null)
    {
        NoteAsk(source);
        source.WantedManual = source.Wanted;
        PullForward(source);
        if (source.Requests.TrueForAll(r => r.Id != requestId))
            source.Requests.Add(new ModelRequest { Id = requestId, Actor = actor, DeliveryId = deliveryId, Ask = source.Wanted });
    }

    private void NoteAsk(ModelSource source)
    {
        source.Wanted++;
        source.AskedAt ??= Now;
        source.AskedSinceClaimAt ??= Now;
        source.WokenAt = Now;
    }

    private void PullForward(ModelSource source)
    {
        if (source.NotBefore is not { } notBefore)
            return;
        if (source.Failures == 0)
        {
            var quiet = source.NotBeforeSetAt!.Value + policy.QuietPeriod;
            source.NotBefore = quiet < notBefore ? quiet : notBefore;
            return;
        }

        var pulled = source.LastCheckedAt + policy.PullForward < notBefore ? source.LastCheckedAt!.Value + policy.PullForward : notBefore;
        source.NotBefore = _rules.RetryAfterIsKept && source.RetryAfterUntil > pulled ? source.RetryAfterUntil : pulled;
    }
}
