using System.Globalization;
using System.Security.Cryptography;
using Ampora.TestServers;
using Npgsql;

namespace Ampora.Deployments;

/// <summary>A process for each replica of each service, behind a gateway, over RabbitMQ and PostgreSQL.</summary>
public class DistributedDeployment : Deployment
{
    private readonly string _masterKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("ampora-e2e-");
    private readonly Dictionary<string, string> _addresses = [];
    private string _store = "";
    private string _audit = "";
    private string _broker = "";

    /// <summary>How many sweepers compete over the queue.</summary>
    protected virtual int Sweepers => 2;

    protected PostgresServer Postgres { get; } = new();

    protected RabbitMqServer Broker { get; private set; } = null!;

    /// <summary>Where the processes keep what they have on disk: Git's caches.</summary>
    public string DataFolder => _data.FullName;

    /// <summary>Where a replica of a service listens, without the gateway.</summary>
    public string AddressOf(string service, int replica = 0) => _addresses[$"{service}-{replica}"];

    public ServiceProcess ProcessOf(string service, int replica = 0) => Processes.Where(p => p.Service == service).ElementAt(replica);

    /// <summary>The sweeper that holds the claim on a source: one that is killed with nothing in hand proves nothing.</summary>
    public async Task<ServiceProcess> HolderOfAsync(string sourceId)
    {
        await using var store = NpgsqlDataSource.Create(_store);
        await using var command = store.CreateCommand("SELECT lease_owner FROM wakeups WHERE source_id = $1");
        command.Parameters.AddWithValue(sourceId);
        // Machine, process id, and what makes the start unique.
        var owner = (string)(await command.ExecuteScalarAsync(Token))!;
        return Processes.Single(p => owner.Split(':')[1] == p.Id.ToString(CultureInfo.InvariantCulture));
    }

    public override async Task<IReadOnlyList<(string Where, byte[] Content)>> StoredAsync()
    {
        var stored = new List<(string, byte[])>();
        foreach (var address in new[] { _store, _audit })
        {
            await using var database = NpgsqlDataSource.Create(address);
            var tables = new List<string>();
            await using (var command = database.CreateCommand("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"))
            await using (var reader = await command.ExecuteReaderAsync(Token))
            {
                while (await reader.ReadAsync(Token))
                    tables.Add(reader.GetString(0));
            }

            foreach (var table in tables)
            {
                // Bytes are shown as hexadecimal digits.
                await using var rows = database.CreateCommand($"SELECT t::text FROM {table} AS t");
                await using var reader = await rows.ExecuteReaderAsync(Token);
                while (await reader.ReadAsync(Token))
                    stored.Add((table, System.Text.Encoding.UTF8.GetBytes(reader.GetString(0))));
            }
        }

        return stored;
    }

    protected override async Task StartAsync()
    {
        Broker = await StartBrokerAsync();
        _store = await Postgres.CreateDatabaseAsync(Token);
        _audit = await Postgres.CreateDatabaseAsync(Token);
        _broker = await Broker.CreateVirtualHostAsync(Token);
        Start("ingress", 2);
        Start("console", 1);
        Start("scheduler", 2);
        Start("audit", 2);
        Start("sweeper", Sweepers);
        Start("gateway", 1, new Dictionary<string, string?>
        {
            ["Ampora__Gateway__Ingress"] = $"{AddressOf("ingress", 0)},{AddressOf("ingress", 1)}",
            ["Ampora__Gateway__Console"] = AddressOf("console"),
        });
        BaseUrl = AddressOf("gateway");
    }

    /// <summary>The shared broker, unless the tests stop it.</summary>
    protected virtual Task<RabbitMqServer> StartBrokerAsync() => RabbitMqServer.SharedAsync(Token);

    protected override async Task StopServersAsync()
    {
        await Postgres.DisposeAsync();
        _data.Delete(recursive: true);
    }

    private void Start(string service, int replicas, Dictionary<string, string?>? more = null)
    {
        for (var i = 0; i < replicas; i++)
        {
            var address = $"http://127.0.0.1:{FreePort.Next()}";
            _addresses[$"{service}-{i}"] = address;
            var environment = new Dictionary<string, string?>
            {
                ["ASPNETCORE_URLS"] = address,
                ["ASPNETCORE_ENVIRONMENT"] = "Development",
                ["Ampora__Management__Port"] = "0",
                ["Ampora__Git__CacheFolder"] = Path.Combine(_data.FullName, $"{service}-{i}"),
                ["ConnectionStrings__Store"] = _store,
                ["ConnectionStrings__Audit"] = _audit,
                ["ConnectionStrings__Broker"] = _broker,
                ["AMPORA_MASTER_KEY"] = _masterKey,
                ["AMPORA_ADMIN_TOKEN"] = AdminToken,
            };
            if (service == "scheduler")
            {
                var management = FreePort.Next();
                ManagementUrls.Add($"http://127.0.0.1:{management}");
                environment["Ampora__Management__Port"] = $"{management}";
                environment["Ampora__Webhooks__MissGraceSeconds"] = MissGraceSeconds;
            }

            foreach (var (name, value) in Settings.Concat(more ?? []))
                environment[name] = value;
            var process = new ServiceProcess(service, environment);
            process.Start();
            Processes.Add(process);
        }
    }
}

/// <summary>The same with a broker of its own, which tests may stop.</summary>
public sealed class OwnBrokerDeployment : DistributedDeployment
{
    public RabbitMqServer OwnBroker => Broker;

    protected override Task<RabbitMqServer> StartBrokerAsync() => RabbitMqServer.StartPrivateAsync(Token);

    protected override async Task StopServersAsync()
    {
        await base.StopServersAsync();
        await Broker.DisposeAsync();
    }
}

/// <summary>The same with four sweepers.</summary>
public sealed class FourSweepersDeployment : DistributedDeployment
{
    protected override int Sweepers => 4;
}
