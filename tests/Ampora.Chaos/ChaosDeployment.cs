using Ampora.Deployments;
using Ampora.TestServers;

// Each deployment is a dozen processes: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Ampora.Chaos;

/// <summary>
/// Ampora as it is deployed, with a broker and a PostgreSQL of its own, all of which may be killed, paused and started again. A fault scenario may be a class of its
/// own that overrides counts, settings and order.
/// </summary>
public class ChaosDeployment : DistributedDeployment
{
    public PrivatePostgres Database { get; private set; } = null!;

    /// <summary>Settings of the private PostgreSQL.</summary>
    protected virtual IReadOnlyDictionary<string, string>? DatabaseSettings => null;

    /// <summary>An existing folder for the private PostgreSQL's data; null: one of its own.</summary>
    protected virtual string? DatabaseFolder => null;

    /// <summary>Starts a deployment of the usual size; dispose it.</summary>
    public static async Task<ChaosDeployment> StartNewAsync() => await StartedAsync(new ChaosDeployment());

    /// <summary>Starts a deployment; one that does not start is disposed of.</summary>
    public static async Task<T> StartedAsync<T>(T deployment)
        where T : ChaosDeployment
    {
        try
        {
            await deployment.InitializeAsync();
            return deployment;
        }
        catch
        {
            await deployment.DisposeAsync();
            throw;
        }
    }

    protected override async Task StartAsync()
    {
        Database = await PrivatePostgres.StartAsync(DatabaseSettings, DatabaseFolder, Token);
        await base.StartAsync();
    }

    protected override Task<RabbitMqServer> StartBrokerAsync() => RabbitMqServer.StartPrivateAsync(Token);

    protected override Task<string> CreateDatabaseAsync() => Database.CreateDatabaseAsync(Token);

    protected override async Task StopServersAsync()
    {
        await base.StopServersAsync();
        if (Broker is not null)
            await Broker.DisposeAsync();
        if (Database is not null)
            await Database.DisposeAsync();
    }
}
