using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Ampora.Deployments;
using Ampora.TestServers;
using Npgsql;

namespace Ampora.Chaos.Lifecycle;

/// <summary>A deployment whose services are started by the scenario, each with an open management port, on databases with the names that the documentation uses.</summary>
public sealed class LifecycleDeployment : ChaosDeployment
{
    public const string Store = "ampora_store";
    public const string Audit = "ampora_audit";

    private readonly Dictionary<string, int> _management = [];
    private int _databases;

    protected override bool IsReadyAtStart => false;

    protected override IReadOnlyList<string> StartOrder => [];

    /// <summary>Starts the servers, and none of the services.</summary>
    public static Task<LifecycleDeployment> PreparedAsync() => StartedAsync(new LifecycleDeployment());

    /// <summary>Starts everything, and waits until it is ready.</summary>
    public static async Task<LifecycleDeployment> RunningAsync(Action<ServiceProcess>? beforeStart = null)
    {
        var deployment = await PreparedAsync();
        try
        {
            foreach (var process in deployment.AllProcesses)
            {
                beforeStart?.Invoke(process);
                process.Start();
            }

            await deployment.WaitUntilReadyAsync(180);
            return deployment;
        }
        catch
        {
            await deployment.DisposeAsync();
            throw;
        }
    }

    /// <summary>Which replica of its service a process is.</summary>
    public int ReplicaOf(ServiceProcess process) => ProcessesOf(process.Service).ToList().IndexOf(process);

    /// <summary>The management port's health in detail; null when it does not answer.</summary>
    public async Task<(bool Live, bool Ready, JsonNode Checks)?> HealthAsync(ServiceProcess process)
    {
        var address = $"http://127.0.0.1:{_management[$"{process.Service}-{ReplicaOf(process)}"]}";
        try
        {
            using var live = await Sender.GetAsync($"{address}/healthz/live", Token);
            using var ready = await Sender.GetAsync($"{address}/healthz/ready", Token);
            using var detail = await Sender.GetAsync($"{address}/healthz", Token);
            return (live.IsSuccessStatusCode, ready.IsSuccessStatusCode, JsonNode.Parse(await detail.Content.ReadAsStringAsync(Token))!["checks"]!);
        }
        catch (Exception e) when (e is HttpRequestException or System.Net.Sockets.SocketException)
        {
            return null;
        }
    }

    /// <summary>Waits until the process says that it is ready.</summary>
    public Task WaitForAsync(ServiceProcess process) => EventuallyAsync(
        async () =>
        {
            Assert.False(process.HasExited, $"{process.Service} has ended\n{process.Output}");
            return await HealthAsync(process) is { Ready: true } ? "ready" : null;
        },
        $"{process.Service} is ready",
        120);

    /// <summary>Tells a process to stop, and expects that it ends in order and in time.</summary>
    /// <returns>How long that took.</returns>
    public static async Task<TimeSpan> StopInOrderAsync(ServiceProcess process, params string[] further)
    {
        var children = ChildrenOf(process.Id);
        var told = Stopwatch.GetTimestamp();
        var stopping = process.StopAsync();
        foreach (var signal in further)
        {
            await Task.Delay(100, Token);
            if (!process.HasExited)
                await process.SignalAsync(signal);
        }

        var exitCode = await stopping;
        var took = Stopwatch.GetElapsedTime(told);
        Assert.True(exitCode == 0, $"{process.Service} ended with {exitCode}\n{process.Output}");
        Assert.True(took < TimeSpan.FromSeconds(10), $"{process.Service} took {took.TotalSeconds:F1} s to stop\n{process.Output}");
        var left = children.Where(id => CommandOf(id) is { } command && command.Contains("git", StringComparison.Ordinal)).ToList();
        Assert.True(left.Count == 0, $"{process.Service} left {string.Join("; ", left.Select(CommandOf))}");
        return took;
    }

    /// <summary>Who has the lease on a source, and since which fence; null when nobody has.</summary>
    public async Task<(string Owner, long Fence)?> LeaseAsync(string source)
    {
        await using var store = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(StoreAddress) { Pooling = false }.ToString());
        await using var command = store.CreateCommand("SELECT lease_owner, fence FROM wakeups WHERE source_id = $1 AND lease_until > now()");
        command.Parameters.AddWithValue(source);
        await using var reader = await command.ExecuteReaderAsync(Token);
        return await reader.ReadAsync(Token) ? (reader.GetString(0), reader.GetInt64(1)) : null;
    }

    protected override IReadOnlyDictionary<string, string?> SettingsOf(string service, int replica)
    {
        var port = FreePort.Next();
        _management[$"{service}-{replica}"] = port;
        return new Dictionary<string, string?> { ["Ampora__Management__Port"] = $"{port}" };
    }

    // The store first.
    protected override async Task<string> CreateDatabaseAsync()
    {
        if (_databases == 0)
            await Database.ExecuteAsync($"CREATE ROLE postgres SUPERUSER LOGIN PASSWORD '{new NpgsqlConnectionStringBuilder(Database.ConnectionString).Password}'", Token);
        var name = _databases++ == 0 ? Store : Audit;
        await Database.ExecuteAsync($"CREATE ROLE {name}", Token);
        await Database.ExecuteAsync($"CREATE DATABASE {name} OWNER {name}", Token);
        return new NpgsqlConnectionStringBuilder(Database.ConnectionString) { Database = name, MaxPoolSize = 30 }.ToString();
    }

    private static List<int> ChildrenOf(int id)
    {
        var all = Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(n => int.TryParse(n, out _))
            .Select(n => int.Parse(n!, CultureInfo.InvariantCulture)).ToLookup(ParentOf);
        var found = new List<int>();
        for (var next = new Queue<int>([id]); next.TryDequeue(out var parent);)
        {
            foreach (var child in all[parent])
            {
                found.Add(child);
                next.Enqueue(child);
            }
        }

        return found;
    }

    private static int ParentOf(int id)
    {
        try
        {
            // The name in parentheses may hold spaces.
            return int.Parse(File.ReadAllText($"/proc/{id}/stat").Split(") ")[^1].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static string? CommandOf(int id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/cmdline") is { Length: > 0 } command ? command.Replace('\0', ' ') : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
