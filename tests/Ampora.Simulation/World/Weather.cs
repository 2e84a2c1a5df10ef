using Ampora.Simulation.Engine;

namespace Ampora.Simulation.World;

/// <summary>
/// How bad things are, drawn anew for each seed: any fault may be frequent, rare or absent, so that some seeds show one fault alone and some all of them at once.
/// All times are seconds.
/// </summary>
public sealed class Weather
{
    public Weather(Timeline timeline)
    {
        Worst = new Faults
        {
            LoseMessage = Draw(0.3),
            DuplicateMessage = Draw(0.3),
            DelayMessage = Draw(0.3),
            LoseRedelivery = Draw(1),
            FailBeforeCommit = Draw(0.15),
            LoseAnswer = Draw(0.15),
            SlowCall = 0.02,
            DropFromTheDead = Draw(1),
            LoseWebhook = Draw(0.5),
            RepeatWebhook = Draw(0.3),
            LagOfReplica = Draw(1),
            KillsPerSecond = Draw(0.4),
            PausesPerSecond = Draw(0.15),
            StopsPerSecond = Draw(0.1),
            BrokerOutagesPerSecond = Draw(0.08),
            DatabaseOutagesPerSecond = Draw(0.05),
            AuditOutagesPerSecond = Draw(0.05),
            HostTroublesPerSecond = Draw(0.6),
            DatabaseClockJumpsPerSecond = Draw(0.1),
            ProcessClockJumpsPerSecond = Draw(0.2),
            RetentionsPerSecond = Draw(5),
            ConsoleActsPerSecond = Draw(1),
        };
        Now = Worst;

        double Draw(double most) => timeline.Chance.Next(3) switch { 0 => 0, 1 => most * 0.2 * timeline.Chance.NextDouble(), _ => most * timeline.Chance.NextDouble() };
    }

    /// <summary>How bad it gets in this seed.</summary>
    public Faults Worst { get; }

    /// <summary>How bad it is at the moment.</summary>
    public Faults Now { get; set; }
}

/// <summary>Probabilities and rates of faults.</summary>
public sealed record Faults
{
    /// <summary>Nothing goes wrong.</summary>
    public static Faults None { get; } = new();

    public double LoseMessage { get; init; }

    public double DuplicateMessage { get; init; }

    public double DelayMessage { get; init; }

    /// <summary>Of a message whose consumer died: that it is not delivered again, as on the in-memory bus.</summary>
    public double LoseRedelivery { get; init; }

    public double FailBeforeCommit { get; init; }

    /// <summary>The commit happened, and nobody learns of it.</summary>
    public double LoseAnswer { get; init; }

    /// <summary>Of a statement on its way when its process died or gave up: that it is not executed.</summary>
    /// <summary>That a call to a database takes much longer than most.</summary>
    public double SlowCall { get; init; }

    public double DropFromTheDead { get; init; }

    public double LoseWebhook { get; init; }

    public double RepeatWebhook { get; init; }

    /// <summary>That a reading meets a replica that lags.</summary>
    public double LagOfReplica { get; init; }

    public double KillsPerSecond { get; init; }

    public double PausesPerSecond { get; init; }

    public double StopsPerSecond { get; init; }

    public double BrokerOutagesPerSecond { get; init; }

    public double DatabaseOutagesPerSecond { get; init; }

    public double AuditOutagesPerSecond { get; init; }

    public double HostTroublesPerSecond { get; init; }

    public double DatabaseClockJumpsPerSecond { get; init; }

    public double ProcessClockJumpsPerSecond { get; init; }

    public double RetentionsPerSecond { get; init; }

    public double ConsoleActsPerSecond { get; init; }
}
