using Ampora.Console.Tests;
using Ampora.Database;
using Ampora.TestServers;

[assembly: AssemblyFixture(typeof(Consoles))]

namespace Ampora.Console.Tests;

/// <summary>One console for each database, shared by the tests: they use sources and tokens of their own.</summary>
public sealed class Consoles : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1, 1);
    private readonly Dictionary<DatabaseDialect, TestConsole> _started = [];
    private readonly List<SqliteFile> _files = [];
    private readonly PostgresServer _postgres = new();

    public async Task<TestConsole> OnAsync(DatabaseDialect dialect)
    {
        await _starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            if (!_started.TryGetValue(dialect, out var console))
                _started[dialect] = console = await TestConsole.StartAsync(await CreateDatabaseAsync(dialect));

            return console;
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>An empty database of its own, for a test that starts a console of its own.</summary>
    public async Task<string> CreateDatabaseAsync(DatabaseDialect dialect)
    {
        if (dialect == DatabaseDialect.Postgres)
            return await _postgres.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        var file = new SqliteFile();
        lock (_files)
            _files.Add(file);
        return file.ConnectionString;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var console in _started.Values)
            await console.DisposeAsync();
        foreach (var file in _files)
            file.Dispose();
        await _postgres.DisposeAsync();
        _starting.Dispose();
    }
}
