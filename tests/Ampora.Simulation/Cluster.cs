using Ampora.Simulation.Engine;
using Ampora.Simulation.Model;
using Ampora.Simulation.Mutations;
using Ampora.Simulation.Proof;
using Ampora.Simulation.Services;
using Ampora.Simulation.World;
using Ampora.Wakeups;

namespace Ampora.Simulation;

/// <summary>All services of an Ampora, and the world that they run in.</summary>
public sealed class Cluster
{
    private readonly Timeline _timeline;
    private readonly Mutation _mutation;
    private readonly Weather _weather;
    private readonly WakeupPolicy _policy;
    private readonly ModelWakeupStore _model;
    private readonly Database _store;
    private readonly Database _auditStore;
    private readonly AuditLog _log;
    private readonly Bus _bus;
    private readonly Dictionary<string, GitHost> _hosts;
    private readonly List<Member> _members;
    private readonly TimeSpan _tick;
    private readonly Workload _workload;
    private int _incarnations;

    public Cluster(Timeline timeline, Mutation mutation, int seed)
    {
        _timeline = timeline;
        _mutation = mutation;
        _weather = new Weather(timeline);
        _policy = mutation.Policy(SimulationPolicy.Default);
        DatabaseClock = new ProcessClock(timeline, null);
        _model = new ModelWakeupStore(DatabaseClock, _policy, seed, mutation.Rules);
        Known = new Knowledge(timeline, _model, SimulationPolicy.Default);
        _store = new Database(timeline, _weather, "the store");
        _auditStore = new Database(timeline, _weather, "the audit store");
        _log = new AuditLog(Known, mutation.AuditDeduplicates);
        _bus = new Bus(timeline, _weather);
        _hosts = new[] { "git.test:443", "other.test:443" }.ToDictionary(h => h, h => new GitHost(timeline, _weather, h), StringComparer.Ordinal);
        foreach (var host in _hosts.Values)
            host.MaxLag = timeline.Happens(0.5) ? timeline.Between(0.1, 6) : TimeSpan.Zero;
        // Most of a seed's steps are idle turns: rarer ones than the Scheduler's, and all the more seeds.
        _tick = timeline.Between(0.5, 1.5);
        _members =
        [
            new("ingress-1", StartIngress), new("ingress-2", StartIngress),
            new("scheduler-1", StartScheduler), new("scheduler-2", StartScheduler),
            new("sweeper-1", StartSweeper), new("sweeper-2", StartSweeper),
            new("audit-1", StartAudit), new("audit-2", StartAudit),
        ];
        if (timeline.Happens(0.3))
            _members.Add(new("sweeper-3", StartSweeper));
        Console = new Member("console", _ => { });
        _members.Add(Console);
        _workload = new Workload(timeline, this, _weather, _model, Known);
    }

    /// <summary>What truly happened.</summary>
    public Knowledge Known { get; }

    /// <summary>The store's clock.</summary>
    public ProcessClock DatabaseClock { get; }

    /// <summary>The console's process.</summary>
    public Member Console { get; }

    /// <summary>The processes.</summary>
    public IReadOnlyList<Member> Members => _members;

    /// <summary>The Git hosts, by name.</summary>
    public IReadOnlyDictionary<string, GitHost> Hosts => _hosts;

    /// <summary>The broker.</summary>
    public Bus Bus => _bus;

    /// <summary>The store's server.</summary>
    public Database Store => _store;

    /// <summary>The audit log's server.</summary>
    public Database AuditStore => _auditStore;

    /// <summary>Starts everything: processes, sources, pushes, faults.</summary>
    public void Start()
    {
        foreach (var member in _members)
            Restart(member);
        _workload.Start();
        new FaultMaker(_timeline, _weather, this, _model, Known).Start();
    }

    /// <summary>Ends all faults, and what they left behind: everything runs and answers.</summary>
    public void StopFaults()
    {
        _timeline.Trace.Note(_timeline.Now, "world", "the faults stop");
        _weather.Now = Faults.None;
        _bus.ComeBack();
        _store.ComeBack();
        _auditStore.ComeBack();
        foreach (var host in _hosts.Values)
            (host.Mood, host.BusyUntil) = (HostMood.Well, 0);
        foreach (var member in _members)
        {
            if (member.Process is not { IsAlive: true, Stopping.IsCancellationRequested: false } process || process.PausedUntil > _timeline.Now)
                Restart(member);
        }

        _workload.StopAndResumeAll();
    }

    /// <summary>All is healed: now webhooks and polls must be prompt.</summary>
    public void BeginCalm()
    {
        _timeline.Trace.Note(_timeline.Now, "world", "calm begins");
        Known.CalmSince = _timeline.Now;
        _workload.BeginCalm();
    }

    /// <summary>Ends what goes on in calm.</summary>
    public void EndCalm() => _workload.EndCalm();

    /// <summary>What is not as it should be in the end.</summary>
    public (string Invariant, string What)? FirstUnhealed() => Known.FirstUnhealed((host, url) => _hosts[host].At(url).Tip.Sha);

    /// <summary>Starts a process, again if it has run before.</summary>
    public void Restart(Member member)
    {
        var offset = member.Process?.Clock.Offset ?? _timeline.Between(-5, 5);
        member.Process?.Kill();
        _bus.ForgetTheDead();
        member.Process = new SimulatedProcess(_timeline, $"{member.Name}.{++_incarnations}");
        member.Process.Clock.Offset = offset;
        member.Ingress = null;
        _timeline.Trace.Note(_timeline.Now, member.Process.Name, "starts");
        member.Start(member);
    }

    /// <summary>The store as a process reaches it.</summary>
    public StoreConnection Connect(SimulatedProcess process) => new(_timeline, process, _store, _model, Known);

    /// <summary>The protocol in a process: the production class over the simulated store and bus.</summary>
    public WakeupProtocol ProtocolIn(SimulatedProcess process) => new(_mutation.Store(Connect(process)), _bus.For(process), _policy, process.Name);

    private void StartIngress(Member member) => member.Ingress = new Ingress(
        _timeline, member.Process!, ProtocolIn(member.Process!), Connect(member.Process!), Known, DatabaseClock, _mutation.IngressCommitsFirst);

    private void StartScheduler(Member member) => new Scheduler(_timeline, member.Process!, ProtocolIn(member.Process!), _tick).Start(_bus);

    private void StartSweeper(Member member)
    {
        var process = member.Process!;
        var check = new SimulatedCheck(_timeline, process, Connect(process), host => _hosts[host], Known);
        new Sweeper(_timeline, process, ProtocolIn(process), _mutation.Check(check)).Start(_bus);
    }

    private void StartAudit(Member member) =>
        new Audit(member.Process!, _auditStore, _log, _bus.For(member.Process!), _mutation.AuditCommitsFirst).Start(_bus);
}

/// <summary>A process of the cluster, through all its incarnations.</summary>
public sealed class Member(string name, Action<Member> start)
{
    public string Name => name;

    public Action<Member> Start => start;

    public SimulatedProcess? Process { get; set; }

    public Ingress? Ingress { get; set; }
}
