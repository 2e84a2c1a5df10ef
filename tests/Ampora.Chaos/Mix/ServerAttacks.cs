using Npgsql;

namespace Ampora.Chaos.Mix;

/// <summary>Attacks the broker.</summary>
internal sealed class BrokerAttack(ChaosDeployment deployment, Journal journal, int seed) : Attack("broker", journal, seed)
{
    protected override async Task KillAsync(Func<Task> rest)
    {
        await deployment.Broker.KillAsync();
        await rest();
        await deployment.Broker.RelaunchAsync();
    }

    // All by signals: the broker's own program for such things takes seconds to start, and a busy machine's minute is over before it has.
    protected override async Task RestartAsync(Func<Task> rest)
    {
        await deployment.Broker.TerminateAsync();
        await rest();
        await deployment.Broker.RelaunchAsync();
    }

    protected override async Task PauseAsync(TimeSpan time)
    {
        deployment.Broker.Pause();
        try
        {
            await WaitAsync(time);
        }
        finally
        {
            deployment.Broker.Resume();
        }
    }

    // A quarter of the processor's time.
    protected override async Task StarveAsync(TimeSpan time)
    {
        for (var left = time; left > TimeSpan.Zero; left -= TimeSpan.FromMilliseconds(200))
        {
            await PauseAsync(TimeSpan.FromMilliseconds(150));
            await WaitAsync(TimeSpan.FromMilliseconds(50));
        }
    }
}

/// <summary>Attacks the database server.</summary>
internal sealed class DatabaseAttack(ChaosDeployment deployment, Journal journal, int seed) : Attack("database", journal, seed)
{
    protected override async Task KillAsync(Func<Task> rest)
    {
        await deployment.Database.KillAsync();
        await rest();
        await deployment.Database.RelaunchAsync();
    }

    protected override async Task RestartAsync(Func<Task> rest)
    {
        await deployment.Database.StopAsync();
        await rest();
        await deployment.Database.RelaunchAsync();
    }

    protected override async Task PauseAsync(TimeSpan time)
    {
        deployment.Database.Pause();
        try
        {
            await WaitAsync(time);
        }
        finally
        {
            deployment.Database.Resume();
        }
    }

    // Of connections: whoever needs another one is refused.
    protected override async Task StarveAsync(TimeSpan time)
    {
        var taken = new List<NpgsqlConnection>();
        try
        {
            while (true)
            {
                var connection = new NpgsqlConnection(deployment.Database.ConnectionString);
                taken.Add(connection);
                await connection.OpenAsync(CancellationToken.None);
            }
        }
        catch (NpgsqlException)
        {
            // No more of them.
        }

        await WaitAsync(time);
        foreach (var connection in taken)
            await connection.DisposeAsync();
    }
}
