using Ampora.Wakeups;

namespace Ampora.Conformance;

/// <summary>
/// An implementation of <see cref="IWakeupStore"/> with what its tests need besides: the Console's changes, a clock that they move, and
/// a look at what was written. Each instance is an empty store.
/// </summary>
public abstract class StoreUnderTest : IAsyncDisposable
{
    /// <summary>The policy that the store runs with.</summary>
    public WakeupPolicy Policy { get; init; } = new();

    /// <summary>The store.</summary>
    public abstract IWakeupStore Store { get; }

    /// <summary>Creates a source, which asks for its first check.</summary>
    /// <param name="id">The slug.</param>
    /// <param name="host">Its Git host's authority.</param>
    /// <param name="interval">Between polls.</param>
    /// <param name="adaptive">Whether that stretches.</param>
    /// <param name="remote">The repository's URL; null: one of its own.</param>
    /// <param name="uid">Its identity; null: a new one.</param>
    public abstract Task CreateAsync(string id, string host, TimeSpan interval, bool adaptive = false, string? remote = null, Guid? uid = null);

    /// <summary>Stages a tree, as a check does.</summary>
    public abstract Task StageAsync(Claim claim, string sha);

    /// <summary>Removes a tree, staged or visible, as retention does.</summary>
    public abstract Task RemoveSnapshotAsync(string id, string sha);

    /// <summary>Gives a source a webhook's secret, and a previous one.</summary>
    public abstract Task GiveSecretAsync(string id);

    /// <summary>The store's clock.</summary>
    public abstract Task<DateTimeOffset> NowAsync();

    /// <summary>Changes what a check fetches.</summary>
    public abstract Task ChangeSettingsAsync(string id);

    /// <summary>Pauses a source.</summary>
    public abstract Task PauseAsync(string id);

    /// <summary>Resumes a source.</summary>
    public abstract Task ResumeAsync(string id);

    /// <summary>Rotates a webhook's secret; the first version is 1.</summary>
    public abstract Task ChangeSecretsAsync(string id);

    /// <summary>Deletes a source.</summary>
    public abstract Task DeleteAsync(string id);

    /// <summary>Lets time pass on the store's clock.</summary>
    public abstract Task PassAsync(TimeSpan time);

    /// <summary>Sets the store's clock back.</summary>
    public abstract Task JumpBackAsync(TimeSpan time);

    /// <summary>Reads a wake-up row.</summary>
    public abstract Task<WakeupView> ReadAsync(string id);

    /// <summary>Reads what the wake-up row knows of the tip.</summary>
    public abstract Task<TipView> ReadTipAsync(string id);

    /// <summary>How many changes of a source were told of as skipped.</summary>
    public abstract Task<int> CountSkippedEventsAsync(string id);

    /// <summary>Reads what the wake-up row and the secrets know of webhooks.</summary>
    public abstract Task<WebhookView> ReadWebhookAsync(string id);

    /// <summary>Reads a source's deliveries, oldest first.</summary>
    public abstract Task<IReadOnlyList<DeliveryView>> ReadDeliveriesAsync(string id);

    /// <summary>Reads a source's check requests, oldest first.</summary>
    public abstract Task<IReadOnlyList<RequestView>> ReadRequestsAsync(string id);

    /// <summary>Reads the ids of a source's runs, oldest first.</summary>
    public abstract Task<IReadOnlyList<string>> ReadRunsAsync(string id);

    /// <summary>Reads the commits of a source's sweeps, in no order.</summary>
    public abstract Task<IReadOnlyList<string>> ReadSweepsAsync(string id);

    /// <summary>Reads the ids of the messages that are not acknowledged.</summary>
    public abstract Task<IReadOnlyList<Guid>> ReadOutboxAsync();

    /// <summary>Reads where a run is recorded.</summary>
    public abstract Task<long?> ReadAuditIdAsync(string runId);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}

/// <summary>What tests look at in a wake-up row.</summary>
public sealed record WakeupView(long Wanted, long Done, long Fence, long Config, int Failures, string? TipSha, bool WaitingForHost, TimeSpan NextPollIn);

/// <summary>What tests look at of a tip.</summary>
public sealed record TipView(
    string? Sha, long? Config, string? Ref, string? MovedTo, string? SkippedSha = null, string? SkippedPreviousSha = null, long SkippedTotal = 0);

/// <summary>What tests look at in a delivery.</summary>
public sealed record DeliveryView(string Id, string Verdict, string? Reason, long? Ask, string? Result, string? RunId, string? ReplayOf);

/// <summary>What tests look at of a source's webhook.</summary>
public sealed record WebhookView(TimeSpan PollInterval, int MissedInRow, long MissedTotal, bool CurrentWasUsed, bool PreviousWasUsed);

/// <summary>What tests look at in a check request.</summary>
public sealed record RequestView(string Id, long Ask, string? RunId);
