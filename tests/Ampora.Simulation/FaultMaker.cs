using Ampora.Simulation.Engine;
using Ampora.Simulation.Model;
using Ampora.Simulation.Proof;
using Ampora.Simulation.World;

namespace Ampora.Simulation;

/// <summary>Makes faults, each kind at its rate: kills, pauses, stops, outages, troubles of Git hosts, clocks that jump, trees that retention removes.</summary>
public sealed class FaultMaker(Timeline timeline, Weather weather, Cluster cluster, ModelWakeupStore model, Knowledge known)
{
    /// <summary>Begins.</summary>
    public void Start()
    {
        Repeat(f => f.KillsPerSecond, Kill);
        Repeat(f => f.PausesPerSecond, () => Victim(p => p.Pause(timeline.Between(0.5, timeline.Happens(0.4) ? 20 : 2)), "is paused"));
        Repeat(f => f.StopsPerSecond, Stop);
        Repeat(f => f.BrokerOutagesPerSecond, () => Note("broker", "is away", () => cluster.Bus.GoAway(Outage())));
        Repeat(f => f.DatabaseOutagesPerSecond, () => Note("store", "is away", () => cluster.Store.GoAway(Outage())));
        Repeat(f => f.AuditOutagesPerSecond, () => Note("audit store", "is away", () => cluster.AuditStore.GoAway(Outage())));
        Repeat(f => f.HostTroublesPerSecond, Trouble);
        Repeat(f => f.DatabaseClockJumpsPerSecond, Jump);
        Repeat(f => f.ProcessClockJumpsPerSecond, () => Victim(p => p.Clock.Offset += Leap(), "has its clock set"));
        Repeat(f => f.RetentionsPerSecond, Retain);
    }

    private void Repeat(Func<Faults, double> rateOf, Action fault)
    {
        var rate = rateOf(weather.Worst);
        if (rate > 0)
            Next();

        void Next() => timeline.Schedule(TimeSpan.FromSeconds(-Math.Log(1 - timeline.Chance.NextDouble()) / rate), () =>
        {
            if (rateOf(weather.Now) == 0)
                return;
            fault();
            Next();
        });
    }

    private TimeSpan Outage() => timeline.Happens(0.2) ? timeline.Between(2, 15) : timeline.Between(0.1, 3);

    private TimeSpan Leap() => timeline.Chance.Next(4) switch
    {
        0 => TimeSpan.FromHours(1),
        1 => TimeSpan.FromHours(-1),
        2 => timeline.Between(-20, 20),
        _ => timeline.Between(-1, 1),
    };

    private void Note(string who, string what, Action fault)
    {
        timeline.Trace.Note(timeline.Now, who, what);
        fault();
    }

    private void Victim(Action<SimulatedProcess> fault, string what)
    {
        var process = timeline.Pick(cluster.Members).Process!;
        if (!process.IsAlive)
            return;
        timeline.Trace.Note(timeline.Now, process.Name, what);
        fault(process);
    }

    private void Kill()
    {
        var member = timeline.Pick(cluster.Members);
        if (!member.Process!.IsAlive)
            return;
        timeline.Trace.Note(timeline.Now, member.Process.Name, "is killed");
        member.Process.Kill();
        RestartLater(member, timeline.Between(0.05, 6));
    }

    private void Stop()
    {
        var member = timeline.Pick(cluster.Members);
        if (!member.Process!.IsAlive)
            return;
        timeline.Trace.Note(timeline.Now, member.Process.Name, "is told to stop");
        var process = member.Process;
        process.Post(_ => process.Stopping.Cancel(), null);
        RestartLater(member, timeline.Between(0.5, 3));
    }

    private void RestartLater(Member member, TimeSpan after)
    {
        var process = member.Process;
        timeline.Schedule(after, () =>
        {
            if (member.Process == process)
                cluster.Restart(member);
        });
    }

    private void Trouble()
    {
        var host = timeline.Pick(cluster.Hosts.Values.ToList());
        host.Mood = timeline.Pick([HostMood.Failing, HostMood.Slow, HostMood.Hung, HostMood.Busy]);
        timeline.Trace.Note(timeline.Now, host.Name, host.Mood.ToString());
        var time = timeline.Between(0.5, 15);
        host.BusyUntil = timeline.Now + time.Ticks;
        timeline.Schedule(time, () => host.Mood = HostMood.Well);
    }

    private void Jump()
    {
        cluster.DatabaseClock.Offset += Leap();
        known.NoteJump();
        timeline.Trace.Note(timeline.Now, "store", "has its clock set", null, (long)cluster.DatabaseClock.Offset.TotalSeconds);
    }

    private void Retain()
    {
        var candidates = known.Sources
            .SelectMany(s => s.Stored.Where(t => t != (s.TipConfig, s.Tip)).OrderBy(t => t.Config).ThenBy(t => t.Sha, StringComparer.Ordinal).Select(t => (s.Id, t.Config, t.Sha)))
            .Where(t => model.Source(t.Id).Sweeps.Contains((t.Config, t.Sha))).ToList();
        if (candidates.Count == 0)
            return;
        var (id, config, sha) = timeline.Pick(candidates);
        model.RemoveSnapshot(id, config, sha);
        known.NoteRemoved(id, config, sha);
        timeline.Trace.Note(timeline.Now, "retention", "removes", sha);
    }
}
