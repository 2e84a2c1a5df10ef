using Ampora.Simulation.Engine;
using Ampora.Simulation.Model;
using Ampora.Simulation.Proof;
using Ampora.Simulation.Services;
using Ampora.Simulation.World;
using Ampora.Wakeups;

namespace Ampora.Simulation;

/// <summary>What people and Git hosts do: pushes with their webhooks, and all that an operator does on the console.</summary>
public sealed class Workload(Timeline timeline, Cluster cluster, Weather weather, ModelWakeupStore model, Knowledge known)
{
    private const int MaxSources = 6;

    private readonly double _pushesPerSecond = 0.1 + (1.5 * timeline.Chance.NextDouble());
    private readonly List<string> _ids = [];
    private bool _isCalm;
    private bool _goesOn = true;
    private int _deliveries;
    private int _requests;

    /// <summary>Creates sources, and begins to push and to operate.</summary>
    public void Start()
    {
        for (var i = timeline.Chance.Next(2, MaxSources); i > 0; i--)
        {
            _ids.Add($"s{i}");
            Create($"s{i}");
        }

        NextPush();
        NextAct();
    }

    /// <summary>Ends pushes and acts; paused sources are resumed, once the store is there.</summary>
    public void StopAndResumeAll()
    {
        _goesOn = false;
        ResumeAll();
    }

    /// <summary>Pushes with webhooks in time, with none, and in the middle of checks.</summary>
    public void BeginCalm()
    {
        (_isCalm, _goesOn) = (true, true);
        NextPush();
    }

    /// <summary>Ends pushes.</summary>
    public void EndCalm() => _goesOn = false;

    // Again and again: what operators did last may still be on its way to the store.
    private void ResumeAll() => timeline.Schedule(TimeSpan.FromSeconds(1), () =>
    {
        if (_isCalm)
            return;
        foreach (var source in known.Sources.Where(s => s.IsPaused).ToList())
            Act("resumes", source.Id, () => Resume(source.Id));
        ResumeAll();
    });

    private void NextPush() => timeline.Schedule(TimeSpan.FromSeconds(-Math.Log(1 - timeline.Chance.NextDouble()) / _pushesPerSecond), () =>
    {
        if (!_goesOn)
            return;
        Push();
        NextPush();
    });

    private void Push()
    {
        if (known.Sources.Count == 0)
            return;
        var pushed = timeline.Pick(known.Sources.ToList());
        var commit = cluster.Hosts[pushed.Host].At(pushed.Url).Push();
        known.NotePushed(pushed.Host, pushed.Url);
        foreach (var source in known.Sources.Where(s => s.Url == pushed.Url && s.Host == pushed.Host).ToList())
        {
            if (timeline.Happens(_isCalm ? 0.3 : weather.Now.LoseWebhook))
                continue;
            Send(source, commit.Sha, timeline.Between(0.001, 0.05));
            if (timeline.Happens(weather.Now.RepeatWebhook))
                Send(source, timeline.Happens(0.5) ? commit.Sha : pushed.Url + "@nonsense", timeline.Between(0.001, 6));
            // A flood, and pushes upon pushes: something is asked while a check runs.
            for (var more = timeline.Happens(0.1) ? timeline.Chance.Next(1, 8) : 0; more > 0; more--)
                Send(source, commit.Sha, timeline.Between(0.001, 0.3));
        }
    }

    private void Send(KnownSource source, string sha, TimeSpan after, int attempt = 1)
    {
        var deliveryId = $"dlv_{++_deliveries}";
        // Whoever rotates a secret tells the Git host a moment later.
        var signedWith = timeline.Happens(0.2) ? Math.Max(1, source.SecretVersion - 1) : source.SecretVersion;
        known.NoteSigned(deliveryId, signedWith);
        var announced = timeline.Happens(0.6) ? sha : null;
        var ignored = timeline.Happens(0.05) ? "other_ref" : null;
        timeline.Schedule(after, () =>
        {
            var ingress = cluster.Members.Where(m => m is { Ingress: not null, Process: { IsAlive: true, Stopping.IsCancellationRequested: false } }).ToList();
            if (ingress.Count > 0)
            {
                timeline.Pick(ingress).Ingress!.Receive(new Webhook
                {
                    SourceId = source.Id,
                    DeliveryId = deliveryId,
                    SignedWith = signedWith,
                    Announced = announced,
                    IgnoredBecause = ignored,
                    Refused = () => Resend(source, sha, attempt),
                });
            }
        });
    }

    private void Resend(KnownSource source, string sha, int attempt)
    {
        if (attempt < 3 && timeline.Happens(0.5))
            Send(source, sha, timeline.Between(0.5, 5), attempt + 1);
    }

    private void NextAct()
    {
        var rate = weather.Worst.ConsoleActsPerSecond;
        if (rate == 0)
            return;
        timeline.Schedule(TimeSpan.FromSeconds(-Math.Log(1 - timeline.Chance.NextDouble()) / rate), () =>
        {
            if (weather.Now.ConsoleActsPerSecond == 0)
                return;
            ActAtRandom();
            NextAct();
        });
    }

    private void ActAtRandom()
    {
        var id = timeline.Pick(_ids);
        switch (timeline.Chance.Next(14))
        {
            case < 3:
                Act("changes", id, () => Change(id));
                break;
            case < 5:
                Act("pauses", id, () => Pause(id));
                break;
            case < 7:
                Act("resumes", id, () => Resume(id));
                break;
            case 7:
                Act("rotates", id, () => Rotate(id));
                break;
            case 8:
                Act("deletes", id, () => Delete(id));
                break;
            case 9:
                Act("creates", id, () => Create(id));
                break;
            case < 12:
                Act("creates anew", id, () =>
                {
                    Delete(id);
                    Create(id);
                });
                break;
            default:
                Check(id);
                break;
        }
    }

    // The console wakes the source when its transaction is committed, if it still lives and the broker takes it.
    private void Act(string what, string id, Action transaction)
    {
        var process = cluster.Console.Process!;
        var (store, protocol) = (cluster.Connect(process), cluster.ProtocolIn(process));
        process.Run(async () =>
        {
            try
            {
                await store.DoAsync(what, id, transaction, default);
                await protocol.WakeAsync([id], default);
            }
            catch (StoreAwayException)
            {
                // The operator sees an error; what is true, the page shows.
            }
        });
    }

    private void Check(string id)
    {
        var process = cluster.Console.Process!;
        var protocol = cluster.ProtocolIn(process);
        var request = $"req_{++_requests}";
        process.Run(async () =>
        {
            try
            {
                if (await protocol.AskAsync([new ManualAsk(id, request, "anna")], default) is [AskOutcome.Accepted])
                    await protocol.WakeAsync([id], default);
            }
            catch (StoreAwayException)
            {
                // As above.
            }
        });
    }

    private void Create(string id)
    {
        if (known.Find(id) is not null)
            return;
        var host = timeline.Happens(0.7) ? "git.test:443" : "other.test:443";
        var remote = timeline.Happens(0.3) ? $"https://{host}/shared.git" : $"https://{host}/{id}.git";
        var source = model.Create(id, host, timeline.Between(4, 15), timeline.Happens(0.4), remote);
        source.HasSecret = true;
        known.NoteCreated(source, timeline.Happens(0.3));
    }

    private void Change(string id)
    {
        if (known.Find(id) is not { } source)
            return;
        var url = timeline.Happens(0.5) ? source.Url : source.Url.Replace(".git", "-moved.git", StringComparison.Ordinal);
        model.ChangeSettings(id, url);
        known.NoteChanged(id, url);
    }

    private void Pause(string id)
    {
        if (known.Find(id) is not { IsPaused: false })
            return;
        model.Pause(id);
        known.NotePaused(id);
    }

    private void Resume(string id)
    {
        if (known.Find(id) is not { IsPaused: true })
            return;
        model.Resume(id);
        known.NoteResumed(id);
    }

    private void Rotate(string id)
    {
        if (known.Find(id) is null)
            return;
        model.ChangeSecrets(id);
        known.NoteRotated(id);
    }

    private void Delete(string id)
    {
        if (known.Find(id) is null)
            return;
        model.Delete(id);
        known.NoteDeleted(id);
    }
}
