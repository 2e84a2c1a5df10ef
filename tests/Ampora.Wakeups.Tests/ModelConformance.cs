using Ampora.Conformance;
using Ampora.Simulation.Model;
using Ampora.TestServers;

namespace Ampora.Wakeups.Tests;

/// <summary>The model passes the suite that the SQL passes, so what the simulation finds holds for both.</summary>
public sealed class ModelConformance : WakeupStoreConformance
{
    protected override Task<StoreUnderTest> OpenAsync() => Task.FromResult<StoreUnderTest>(new ModelUnderTest());

    private sealed class ModelUnderTest : StoreUnderTest
    {
        private readonly ManualClock _clock = new();
        private readonly ModelWakeupStore _model;

        public ModelUnderTest() => _model = new ModelWakeupStore(_clock, Policy);

        public override IWakeupStore Store => _model;

        public override Task CreateAsync(string id, string host, TimeSpan interval, bool adaptive = false, string? remote = null, Guid? uid = null) =>
            Do(() => _model.Create(id, host, interval, adaptive, remote ?? $"https://{host}/{id}.git", uid));

        // Of a source that was deleted, nothing can be staged.
        public override Task StageAsync(Claim claim, string sha) => Do(() => _model.Stage(claim, sha));

        public override Task RemoveSnapshotAsync(string id, string sha) => Do(() => _model.Source(id).Snapshots.RemoveWhere(s => s.Sha == sha));

        public override Task GiveSecretAsync(string id) => Do(() => _model.Source(id).HasSecret = true);

        public override Task<DateTimeOffset> NowAsync() => Task.FromResult(_clock.GetUtcNow());

        public override Task ChangeSettingsAsync(string id) => Do(() => _model.ChangeSettings(id));

        public override Task PauseAsync(string id) => Do(() => _model.Pause(id));

        public override Task ResumeAsync(string id) => Do(() => _model.Resume(id));

        public override Task ChangeSecretsAsync(string id) => Do(() => _model.ChangeSecrets(id));

        public override Task DeleteAsync(string id) => Do(() => _model.Delete(id));

        public override Task PassAsync(TimeSpan time) => Do(() => _clock.Advance(time));

        public override Task JumpBackAsync(TimeSpan time) => Do(() => _clock.JumpTo(_clock.GetUtcNow() - time));

        public override Task<WakeupView> ReadAsync(string id)
        {
            var source = _model.Source(id);
            return Task.FromResult(new WakeupView(
                source.Wanted, source.Done, source.Fence, source.Config, source.Failures, source.TipSha, source.WaitingForHost,
                source.NextPollAt - _clock.GetUtcNow()));
        }

        public override Task<TipView> ReadTipAsync(string id)
        {
            var s = _model.Source(id);
            return Task.FromResult(new TipView(s.TipSha, s.TipConfig, s.TipRef, s.MovedTo, s.Skipped?.Sha, s.Skipped?.PreviousSha, s.SkippedTotal));
        }

        public override Task<int> CountSkippedEventsAsync(string id) => Task.FromResult(_model.SourceEvents.Count(e => e == (id, "skipped")));

        public override Task<WebhookView> ReadWebhookAsync(string id)
        {
            var source = _model.Source(id);
            return Task.FromResult(new WebhookView(
                source.PollInterval, source.MissedInRow, source.MissedTotal, source.UsedAt is not null, source.PreviousUsedAt is not null));
        }

        public override Task<IReadOnlyList<DeliveryView>> ReadDeliveriesAsync(string id) => Of(_model.Source(id).Deliveries
            .Select(d => new DeliveryView(d.Delivery.DeliveryId, d.Verdict, d.Reason, d.Ask, d.Result, d.RunId, d.ReplayOf)));

        public override Task<IReadOnlyList<RequestView>> ReadRequestsAsync(string id) =>
            Of(_model.Source(id).Requests.Select(r => new RequestView(r.Id, r.Ask, r.RunId)));

        public override Task<IReadOnlyList<string>> ReadRunsAsync(string id) => Of(_model.Source(id).Runs.Select(r => r.Summary.RunId));

        public override Task<IReadOnlyList<string>> ReadSweepsAsync(string id) => Of(_model.Source(id).Sweeps.Select(s => s.Sha));

        public override Task<IReadOnlyList<Guid>> ReadOutboxAsync() => Of(_model.Outbox.Keys.AsEnumerable());

        public override Task<long?> ReadAuditIdAsync(string runId) => Task.FromResult(_model.AuditIds.TryGetValue(runId, out var id) ? id : (long?)null);

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private static Task Do(Action change)
        {
            change();
            return Task.CompletedTask;
        }

        private static Task<IReadOnlyList<T>> Of<T>(IEnumerable<T> items) => Task.FromResult<IReadOnlyList<T>>([.. items]);
    }
}
