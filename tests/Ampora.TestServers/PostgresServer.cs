using Npgsql;

namespace Ampora.TestServers;

/// <summary>
/// A PostgreSQL server for tests: a private one that is started at the first use and gone at the end, or the one that
/// <c>AMPORA_TEST_POSTGRES</c> names. Share it with <c>[assembly: AssemblyFixture(typeof(PostgresServer))]</c>. Tests that break theirs
/// use a <see cref="PrivatePostgres"/>.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    // To drop a database the server writes everything to disk first, also what others do there.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly SemaphoreSlim _starting = new(1, 1);
    private readonly List<string> _databases = [];
    private string? _superuser;
    private PrivatePostgres? _own;

    /// <summary>Makes a fresh, empty database, and starts the server first if need be.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A connection string of a superuser for the new database.</returns>
    public async Task<string> CreateDatabaseAsync(CancellationToken cancellationToken = default)
    {
        var superuser = await StartedAsync(cancellationToken);
        var name = $"ampora_{Guid.NewGuid():n}";
        await ExecuteAsync(superuser, $"CREATE DATABASE {name}", cancellationToken);
        lock (_databases)
            _databases.Add(name);
        // A test suite opens many pools at once; each may have only a part of the server's connections.
        return new NpgsqlConnectionStringBuilder(superuser) { Database = name, MaxPoolSize = 30, Pooling = true }.ToString();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }
        else
        {
            foreach (var name in _databases)
                await ExecuteAsync(_superuser!, $"DROP DATABASE IF EXISTS {name} WITH (FORCE)", CancellationToken.None);
        }

        _starting.Dispose();
    }

    private async Task<string> StartedAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_superuser is null)
            {
                var given = Environment.GetEnvironmentVariable("AMPORA_TEST_POSTGRES");
                if (string.IsNullOrEmpty(given))
                    _own = await PrivatePostgres.StartAsync(cancellationToken: cancellationToken);
                // One connection at a time, for CREATE DATABASE; not pooled, so that nothing holds template1 open.
                _superuser = _own?.ConnectionString ?? new NpgsqlConnectionStringBuilder(given) { Pooling = false }.ToString();
            }

            return _superuser;
        }
        finally
        {
            _starting.Release();
        }
    }

    private static async Task ExecuteAsync(string address, string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(address);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = (int)Patience.TotalSeconds };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
