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

    protected override Task RestartAsync(Func<Task> rest) => deployment.Broker.RestartAsync();

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

    // Of memory: it reads nothing from those who publish.
    protected override async Task StarveAsync(TimeSpan time)
    {
        await deployment.Broker.RaiseMemoryAlarmAsync();
        try
        {
            await WaitAsync(time);
        }
        finally
        {
            await deployment.Broker.ClearMemoryAlarmAsync();
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
