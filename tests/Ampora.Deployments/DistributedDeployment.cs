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
    private string _broker = "";

    /// <summary>How many sweepers compete over the queue.</summary>
    protected virtual int Sweepers => 2;

    /// <summary>The services that are started at first, in this order; others wait for <see cref="ServiceProcess.Start"/>.</summary>
    protected virtual IReadOnlyList<string> StartOrder { get; } = ["ingress", "console", "scheduler", "audit", "sweeper", "gateway"];

    protected PostgresServer Postgres { get; } = new();

    public RabbitMqServer Broker { get; private set; } = null!;

    /// <summary>The connection string of the store's database.</summary>
    public string StoreAddress { get; private set; } = "";

    /// <summary>The connection string of the audit log's database.</summary>
    public string AuditAddress { get; private set; } = "";

    /// <summary>The virtual host that the services share.</summary>
    public string VirtualHost => Uri.UnescapeDataString(new Uri(_broker).AbsolutePath[1..]);

    /// <summary>Where the processes keep what they have on disk: Git's caches.</summary>
    public string DataFolder => _data.FullName;

    /// <summary>Where a replica of a service listens, without the gateway.</summary>
    public string AddressOf(string service, int replica = 0) => _addresses[$"{service}-{replica}"];

    public ServiceProcess ProcessOf(string service, int replica = 0) => ProcessesOf(service).ElementAt(replica);

    public IEnumerable<ServiceProcess> ProcessesOf(string service) => Processes.Where(p => p.Service == service);

    /// <summary>The sweeper that holds the claim on a source: one that is killed with nothing in hand proves nothing.</summary>
    public async Task<ServiceProcess> HolderOfAsync(string sourceId)
    {
        await using var store = NpgsqlDataSource.Create(StoreAddress);
        await using var command = store.CreateCommand("SELECT lease_owner FROM wakeups WHERE source_id = $1");
        command.Parameters.AddWithValue(sourceId);
        // Machine, process id, and what makes the start unique.
        var owner = (string)(await command.ExecuteScalarAsync(Token))!;
        return Processes.Single(p => owner.Split(':')[1] == p.Id.ToString(CultureInfo.InvariantCulture));
    }

    public override async Task<IReadOnlyList<(string Where, byte[] Content)>> StoredAsync()
    {
        var stored = new List<(string, byte[])>();
        foreach (var address in new[] { StoreAddress, AuditAddress })
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

    protected override IEnumerable<string> Listening => Processes.GroupBy(p => p.Service)
        .SelectMany(service => service.Index().Where(p => p.Item.HasStarted && !p.Item.HasExited).Select(p => AddressOf(service.Key, p.Index)));

    /// <summary>Every process, those that have ended too.</summary>
    public IReadOnlyList<ServiceProcess> AllProcesses => Processes;

    protected override async Task StartAsync()
    {
        Broker = await StartBrokerAsync();
        StoreAddress = await CreateDatabaseAsync();
        AuditAddress = await CreateDatabaseAsync();
        _broker = await Broker.CreateVirtualHostAsync(Token);
        foreach (var service in (string[])["ingress", "console", "scheduler", "audit", "sweeper", "gateway"])
            Prepare(service);
        BaseUrl = AddressOf("gateway");
        foreach (var process in StartOrder.SelectMany(service => Processes.Where(p => p.Service == service)))
            process.Start();
    }

    /// <summary>The shared broker, unless the tests stop it.</summary>
    protected virtual Task<RabbitMqServer> StartBrokerAsync() => RabbitMqServer.SharedAsync(Token);

    /// <summary>Makes a database on the shared server, unless the tests stop it.</summary>
    protected virtual Task<string> CreateDatabaseAsync() => Postgres.CreateDatabaseAsync(Token);

    /// <summary>How many processes of a service there are.</summary>
    public virtual int ReplicasOf(string service) => service switch
    {
        "console" or "gateway" => 1,
        "sweeper" => Sweepers,
        _ => 2,
    };

    /// <summary>Settings of one replica, over those of every process.</summary>
    protected virtual IReadOnlyDictionary<string, string?> SettingsOf(string service, int replica) => new Dictionary<string, string?>();

    protected override async Task StopServersAsync()
    {
        await Postgres.DisposeAsync();
        _data.Delete(recursive: true);
    }

    private void Prepare(string service)
    {
        for (var i = 0; i < ReplicasOf(service); i++)
        {
            var address = $"http://127.0.0.1:{FreePort.Next()}";
            _addresses[$"{service}-{i}"] = address;
            var environment = new Dictionary<string, string?>
            {
                ["ASPNETCORE_URLS"] = address,
                ["ASPNETCORE_ENVIRONMENT"] = "Development",
                ["Ampora__Management__Port"] = "0",
                ["Ampora__Git__CacheFolder"] = Path.Combine(_data.FullName, $"{service}-{i}"),
                ["ConnectionStrings__Store"] = StoreAddress,
                ["ConnectionStrings__Audit"] = AuditAddress,
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
            else if (service == "gateway")
            {
                environment["Ampora__Gateway__Ingress"] = string.Join(',', Enumerable.Range(0, ReplicasOf("ingress")).Select(r => AddressOf("ingress", r)));
                environment["Ampora__Gateway__Console"] = string.Join(',', Enumerable.Range(0, ReplicasOf("console")).Select(r => AddressOf("console", r)));
            }

            foreach (var (name, value) in Settings.Concat(SettingsOf(service, i)))
                environment[name] = value;
            Processes.Add(new ServiceProcess(service, environment));
        }
    }
}

/// <summary>The same with a broker of its own, which tests may stop.</summary>
public sealed class OwnBrokerDeployment : DistributedDeployment
{
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
