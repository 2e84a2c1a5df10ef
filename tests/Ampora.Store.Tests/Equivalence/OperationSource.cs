using Ampora.Contracts;
using Ampora.Simulation.Model;
using Ampora.Wakeups;

namespace Ampora.Store.Tests.Equivalence;

/// <summary>Draws operations from a seed; what makes sense next is read from the model.</summary>
internal sealed partial class OperationSource(Random random, WakeupPolicy policy)
{
    private static readonly string[] Owners = ["sweeper-1", "sweeper-2", "sweeper-3"];
    private static readonly string[] Shas = ["aaaa", "bbbb", "cccc"];
    private static readonly string[] Senders = ["x1", "x2", "x3"];

    // Two hosts; the first three are on one remote.
    private static readonly (string Id, string Host, string? Remote)[] Places =
    [
        ("s1", "one.test:443", "https://one.test/shared.git"),
        ("s2", "one.test:443", "https://one.test/shared.git"),
        ("s3", "one.test:443", "https://one.test/shared.git"),
        ("s4", "one.test:443", null),
        ("s5", "one.test:443", null),
        ("s6", "two.test:443", null),
    ];

    // Their inverses are exact, so that the sums of poll rates are the same in whichever order they are added.
    private static readonly int[] Intervals = [16, 64, 64, 256, 1024];

    private readonly List<Claim> _claims = [];
    private readonly List<Ask> _asked = [];
    private int _ids;
    private int _drawn;

    /// <summary>Claims that were made, of which some have ended.</summary>
    public void Learn(Claim claim)
    {
        _claims.Add(claim);
        // Old ones are drawn too, but not so often that nothing else happens.
        if (_claims.Count > 10)
            _claims.RemoveAt(0);
    }

    public Operation Next(ModelWakeupStore model, DateTimeOffset now)
    {
        if (model.Sources.Count() < 3)
            return Create(model);
        // Now and then nobody asks, so that everything is finished and polls have something to do.
        var isCalm = _drawn++ / 60 % 2 == 1;
        return random.Next(100) switch
        {
            < 22 when !isCalm || Sometimes(10) => AskGroup(model, now),
            < 8 => Operation.Taking($"polls {Limit()}", store => store.TakeDuePollsAsync(LastLimit, default)) with { Draws = true },
            < 42 => Claim(),
            < 62 => WithClaim(model),
            < 66 => TakeWaiting(),
            < 72 => Operation.Taking($"polls {Limit()}", store => store.TakeDuePollsAsync(LastLimit, default)) with { Draws = true },
            < 77 => Operation.Taking($"unfinished {Limit()}", store => store.TakeUnfinishedAsync(LastLimit, default)),
            < 79 => Judge(),
            < 82 => Relay(model),
            < 89 => Console(model),
            _ => Pass(model, now),
        };
    }

    private int LastLimit { get; set; }

    private int Limit() => LastLimit = random.Next(3) == 0 ? random.Next(1, 3) : 100;

    private T Any<T>(IReadOnlyList<T> items) => items[random.Next(items.Count)];

    private bool Sometimes(int oneIn) => random.Next(oneIn) == 0;

    // One more than there are: nobody made it.
    private string AnyId() => Sometimes(20) ? "s9" : Any(Places).Id;

    private Operation AskGroup(ModelWakeupStore model, DateTimeOffset now)
    {
        Ask[] asks = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => AnyAsk(model, now))];
        _asked.AddRange(asks);
        return Operation.Of($"ask {string.Join(" + ", asks.AsEnumerable())}", async store => await store.AskAsync(asks, default));
    }

    private Ask AnyAsk(ModelWakeupStore model, DateTimeOffset now)
    {
        // The outcome of a first try was unknown to the caller.
        if (_asked.Count > 0 && Sometimes(15))
            return _asked[^random.Next(1, Math.Min(5, _asked.Count + 1))];
        var id = AnyId();
        if (Sometimes(4))
            return new ManualAsk(id, $"asked_{++_ids}", "token:ops", Sometimes(3) ? $"dlv_{random.Next(1, _ids + 1)}" : null);
        var version = model.Sources.FirstOrDefault(s => s.Id == id)?.SecretVersion ?? 1;
        return new WebhookAsk(id, Sometimes(12) ? version - 1 : version, new Delivery(
            $"dlv_{++_ids}",
            now + TimeSpan.FromSeconds(random.Next(-90, 3)),
            "token",
            "push",
            "192.0.2.1",
            Sometimes(4) ? "previous" : "current",
            Sometimes(8) ? "other_ref" : null,
            Sometimes(3) ? Any(Senders) : null,
            Sometimes(2) ? Any(Shas) : null,
            Sometimes(6) ? "acme" : null));
    }

    private Operation Claim()
    {
        var (id, owner) = (AnyId(), Any(Owners));
        return Operation.Of($"claim {id} {owner}", async store => await store.ClaimAsync(id, owner, default));
    }

    private Operation TakeWaiting()
    {
        var host = Any(Places).Host;
        return Operation.Taking($"waiting {host}", store => store.TakeWaitingForHostAsync(host, default));
    }

    private Operation Judge()
    {
        var grace = TimeSpan.FromSeconds(Any([0, 10, 60]));
        // Two transactions: what has stretched, and what was found.
        return Operation.Of($"judge {grace}", async store =>
            (await store.TakeUnannouncedAsync(grace, 100, default)).OrderBy(j => j.SourceId, StringComparer.Ordinal).ThenBy(j => j.Sha, StringComparer.Ordinal).ToArray())
            with
        { Draws = true, RunsBesideOthers = false };
    }

    private Operation Relay(ModelWakeupStore model)
    {
        if (model.Outbox.Count == 0 || Sometimes(2))
            return Operation.Of("relay", async store => (await store.TakeUnacknowledgedAsync(100, default)).Select(m => m.Id).Order().ToArray());
        var message = Any(model.Outbox.Values.ToList()).Message;
        var committed = new AuditEntryCommitted { RecordedMessageId = message.Id, AuditId = random.Next(1, 1000), RunId = (message.Payload as SyncRunCompleted)?.RunId };
        return Operation.Of($"acknowledge {committed}", async store =>
        {
            await store.AcknowledgeAsync(committed, default);
            return null;
        });
    }

    private Operation Console(ModelWakeupStore model)
    {
        var id = Any(model.Sources.Select(s => s.Id).ToList());
        return random.Next(15) switch
        {
            < 2 => Operation.OfConsole($"change settings {id}", id, under => under.ChangeSettingsAsync(id), m => m.ChangeSettings(id)),
            < 4 => Operation.OfConsole($"pause {id}", id, under => under.PauseAsync(id), m => m.Pause(id)),
            < 8 => Operation.OfConsole($"resume {id}", id, under => under.ResumeAsync(id), m => m.Resume(id)),
            8 => Operation.OfConsole($"change secrets {id}", id, under => under.ChangeSecretsAsync(id), m => m.ChangeSecrets(id)),
            < 11 => Delete(id),
            11 => RemoveSnapshot(id),
            _ => Create(model),
        };
    }

    private static Operation Delete(string id) => new(
        $"delete {id}",
        async under =>
        {
            await under.DeleteAsync(id);
            return null;
        },
        model =>
        {
            model.Delete(id);
            return Task.FromResult<object?>(null);
        });

    private Operation RemoveSnapshot(string id)
    {
        var sha = Any(Shas);
        return new(
            $"remove snapshot {id} {sha}",
            async under =>
            {
                await under.RemoveSnapshotAsync(id, sha);
                return null;
            },
            model =>
            {
                model.Sources.FirstOrDefault(s => s.Id == id)?.Snapshots.RemoveWhere(s => s.Sha == sha);
                return Task.FromResult<object?>(null);
            });
    }

    private Operation Create(ModelWakeupStore model)
    {
        var missing = Places.Where(p => model.Sources.All(s => s.Id != p.Id)).ToList();
        if (missing.Count == 0)
            return Claim();
        var (id, host, remote) = Any(missing);
        var bytes = new byte[16];
        random.NextBytes(bytes);
        var uid = new Guid(bytes);
        var interval = TimeSpan.FromSeconds(Any(Intervals));
        var (adaptive, hasSecret) = (Sometimes(2), Sometimes(2));
        return new Operation(
            $"create {id} {interval} {(adaptive ? "adaptive" : "fixed")} {(hasSecret ? "with a secret" : "")}",
            async under =>
            {
                await under.CreateAsync(id, host, interval, adaptive, remote, uid);
                if (hasSecret)
                    await under.GiveSecretAsync(id);
                return null;
            },
            model =>
            {
                model.Create(id, host, interval, adaptive, remote, uid).HasSecret = hasSecret;
                return Task.FromResult<object?>(null);
            }) with
        { Draws = true, RunsBesideOthers = false };
    }

    /// <summary>Time passes or jumps back: mostly to the very moment, or a microsecond from it, at which something ends.</summary>
    private Operation Pass(ModelWakeupStore model, DateTimeOffset now)
    {
        var ends = model.Sources
            .SelectMany(s => new[] { s.LeaseUntil, s.NotBefore, s.RetryAfterUntil, s.NextPollAt, s.RereadAt, s.ExpectedUntil, s.WokenAt + policy.RecentWakeup })
            .Concat(model.Outbox.Values.Select(o => (DateTimeOffset?)o.NextAttemptAt))
            .OfType<DateTimeOffset>().Where(end => end > now && end < now + TimeSpan.FromMinutes(3)).ToList();
        var by = random.Next(20) switch
        {
            < 11 when ends.Count > 0 => Any(ends) - now + TimeSpan.FromMicroseconds(random.Next(-1, 2)),
            < 14 => TimeSpan.FromMilliseconds(Any([1, 250, 1000, 2000, 9000])),
            < 16 => TimeSpan.FromSeconds(Any([30, 60, 600])),
            16 => TimeSpan.FromHours(Any([1, 25])),
            _ => -TimeSpan.FromMilliseconds(Any([500, 2000, 3000, 13_000, 50_000, 3_600_000])),
        };
        return new Operation(
            $"pass {by}",
            async under =>
            {
                await (by < TimeSpan.Zero ? under.JumpBackAsync(-by) : under.PassAsync(by));
                return null;
            },
            model =>
            {
                var clock = (TestServers.ManualClock)model.Time;
                clock.JumpTo(clock.GetUtcNow() + by);
                return Task.FromResult<object?>(null);
            }) with
        { RunsBesideOthers = false };
    }
}
