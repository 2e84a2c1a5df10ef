using Ampora.Simulation.Engine;
using Ampora.Simulation.Proof;
using Ampora.Simulation.World;
using Ampora.Wakeups;

namespace Ampora.Simulation.Services;

/// <summary>
/// An ingress: verifies webhooks against secrets that it has read a while ago, commits them in groups, answers 202 when they are committed, and then tells the sweepers.
/// </summary>
public sealed class Ingress(Timeline timeline, SimulatedProcess process, WakeupProtocol protocol, StoreConnection store, Knowledge known, TimeProvider databaseTime, bool answersAfterCommit)
{
    private const int Group = 8;

    private static readonly TimeSpan CommitDeadline = TimeSpan.FromMilliseconds(1500);

    // As long as an ingress believes what it has read, at most.
    private static readonly TimeSpan SecretsHold = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, (long Version, long ReadAt)> _secrets = new(StringComparer.Ordinal);
    private readonly Queue<Webhook> _waiting = new();
    private bool _committing;

    /// <summary>A webhook comes in.</summary>
    public void Receive(Webhook webhook) => process.Run(async () =>
    {
        try
        {
            if (!await VerifyAsync(webhook))
                return;
            _waiting.Enqueue(webhook);
            if (!_committing)
                await CommitGroupsAsync();
        }
        catch (Exception e) when (e is StoreAwayException or OperationCanceledException)
        {
            webhook.Refused();
        }
    });

    private async Task<bool> VerifyAsync(Webhook webhook)
    {
        if (!_secrets.TryGetValue(webhook.SourceId, out var secret) || timeline.Now - secret.ReadAt > SecretsHold.Ticks || webhook.IsSecondLook)
        {
            long version = 0;
            await store.DoAsync("reads secrets of", webhook.SourceId, () => version = known.Find(webhook.SourceId)?.SecretVersion ?? 0, process.Stopping.Token);
            _secrets[webhook.SourceId] = secret = (version, timeline.Now);
        }

        webhook.VerifiedWith = secret.Version;
        return secret.Version == webhook.SignedWith;
    }

    private async Task CommitGroupsAsync()
    {
        _committing = true;
        try
        {
            while (_waiting.Count > 0)
            {
                var group = new List<Webhook>();
                while (group.Count < Group && _waiting.TryDequeue(out var next))
                    group.Add(next);
                await CommitAsync(group);
            }
        }
        finally
        {
            _committing = false;
        }
    }

    private async Task CommitAsync(List<Webhook> group)
    {
        IReadOnlyList<AskOutcome> outcomes;
        if (!answersAfterCommit)
            Answer(group[0]);
        using var deadline = new CancellationTokenSource(CommitDeadline, process.Clock);
        try
        {
            outcomes = await protocol.AskAsync([.. group.Select(w => w.ToAsk(databaseTime))], deadline.Token);
        }
        catch (Exception e) when (e is StoreAwayException or OperationCanceledException)
        {
            group.ForEach(w => w.Refused());
            return;
        }

        foreach (var (webhook, outcome) in group.Zip(outcomes))
        {
            if (outcome is AskOutcome.Accepted or AskOutcome.Ignored or AskOutcome.Paused)
                Answer(webhook);
            else if (outcome == AskOutcome.StaleSecret && !webhook.IsSecondLook)
                Receive(webhook.LookAgain());
        }

        var woken = group.Zip(outcomes).Where(w => w.Second == AskOutcome.Accepted).Select(w => w.First.SourceId).Distinct().ToList();
        if (woken.Count > 0)
            process.Run(async () => await protocol.WakeAsync(woken, default));
    }

    private void Answer(Webhook webhook)
    {
        timeline.Trace.Note(timeline.Now, process.Name, "answers 202 to", webhook.DeliveryId);
        known.NoteAnswered(webhook.DeliveryId);
    }
}

/// <summary>A webhook on its way.</summary>
public sealed class Webhook
{
    public required string SourceId { get; init; }

    public required string DeliveryId { get; init; }

    public required long SignedWith { get; init; }

    public required string? Announced { get; init; }

    public string? IgnoredBecause { get; init; }

    /// <summary>What the sender does when it is not answered 202.</summary>
    public required Action Refused { get; init; }

    public long VerifiedWith { get; set; }

    public bool IsSecondLook { get; private set; }

    /// <summary>The same webhook, to be verified against secrets that are read anew.</summary>
    public Webhook LookAgain()
    {
        IsSecondLook = true;
        return this;
    }

    /// <summary>What it asks for.</summary>
    public WebhookAsk ToAsk(TimeProvider clock) => new(
        SourceId, VerifiedWith, new Delivery(DeliveryId, clock.GetUtcNow(), "token", "push", "192.0.2.1", "current", IgnoredBecause, AnnouncedSha: Announced));
}
