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
    private const string StartupHooks = "DOTNET_STARTUP_HOOKS";
    private const string Failpoint = "AMPORA_FAILPOINT";

    public PrivatePostgres Database { get; private set; } = null!;

    /// <summary>Settings of the private PostgreSQL.</summary>
    protected virtual IReadOnlyDictionary<string, string>? DatabaseSettings => null;

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

    /// <summary>From its next start on, the process is killed by itself when it comes to a step, for the n-th time.</summary>
    /// <param name="process">The process.</param>
    /// <param name="failpoint"><c>SPAN[:started|stopped][:N]</c>, or null for none.</param>
    public static void SetFailpoint(ServiceProcess process, string? failpoint)
    {
        process.Set(Failpoint, failpoint);
        process.Set(StartupHooks, failpoint is null ? null : Path.Combine(BuildOutput.FolderOf("tests/Ampora.Failpoints"), "Ampora.Failpoints.dll"));
    }

    /// <summary>Ends the process and starts it again with a failpoint.</summary>
    /// <param name="process">The process.</param>
    /// <param name="failpoint"><c>SPAN[:started|stopped][:N]</c>, or null for none.</param>
    public static async Task RestartWithAsync(ServiceProcess process, string? failpoint)
    {
        if (process.HasStarted && !process.HasExited)
            await process.KillAsync();
        SetFailpoint(process, failpoint);
        process.Start();
    }

    protected override async Task StartAsync()
    {
        Database = await PrivatePostgres.StartAsync(DatabaseSettings, cancellationToken: Token);
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
