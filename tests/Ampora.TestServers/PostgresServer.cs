using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;

namespace Ampora.TestServers;

/// <summary>
/// A PostgreSQL server for tests: a private one that is started at the first use and gone at the end, or the one that
/// <c>AMPORA_TEST_POSTGRES</c> names. Share it with <c>[assembly: AssemblyFixture(typeof(PostgresServer))]</c>.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(30);

    // The shell outlives a test process that was killed: its standard input ends, and it stops the server and removes the folder.
    private const string Script = """
        set -e
        umask 077
        mkdir "$1"
        printf %s "$3" > "$1/password"
        "$4/initdb" --pgdata="$1/data" --username=ampora --pwfile="$1/password" --auth=scram-sha-256 \
            --encoding=UTF8 --locale=C --no-sync > "$1/log" 2>&1
        "$4/postgres" -D "$1/data" -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=on \
            -c max_connections=200 -c shared_buffers=64MB -c log_min_messages=warning < /dev/null >> "$1/log" 2>&1 &
        server=$!
        set +e
        cat > /dev/null
        kill -INT $server
        wait $server
        rm -rf "$1"
        """;

    private readonly SemaphoreSlim _starting = new(1, 1);
    private readonly List<string> _databases = [];
    private string? _superuser;
    private bool _given;
    private Process? _shell;
    private string? _folder;

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
        if (_given)
        {
            foreach (var name in _databases)
                await ExecuteAsync(_superuser!, $"DROP DATABASE IF EXISTS {name} WITH (FORCE)", CancellationToken.None);
        }

        await StopAsync();
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
                _given = !string.IsNullOrEmpty(given);
                // One connection at a time, for CREATE DATABASE; not pooled, so that nothing holds template1 open.
                _superuser = _given
                    ? new NpgsqlConnectionStringBuilder(given) { Pooling = false }.ToString()
                    : await StartAsync(cancellationToken);
            }

            return _superuser;
        }
        finally
        {
            _starting.Release();
        }
    }

    private async Task<string> StartAsync(CancellationToken cancellationToken)
    {
        var binaries = FindBinaries();
        if (binaries is null)
        {
            MissingServer.SkipOrFail(
                "PostgreSQL was not found: install postgresql (15 or later), or set AMPORA_TEST_POSTGRES to the connection string of a superuser.");
        }

        // Somebody else may take the port between the search and the start; then another one is tried.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await StartOnceAsync(binaries!, FreePort.Next(), cancellationToken);
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                await StopAsync();
            }
        }
    }

    private async Task<string> StartOnceAsync(string binaries, int port, CancellationToken cancellationToken)
    {
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        _folder = Path.Combine(Path.GetTempPath(), $"ampora-postgres-{Guid.NewGuid():n}");

        var start = new ProcessStartInfo { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        // PostgreSQL refuses to run as root; its package made a user for it.
        string[] command = Environment.IsPrivilegedProcess ? ["runuser", "-u", "postgres", "--", "sh"] : ["sh"];
        start.FileName = command[0];
        foreach (var argument in (string[])[.. command[1..], "-c", Script, "ampora-postgres", _folder, $"{port}", password, binaries])
            start.ArgumentList.Add(argument);
        _shell = Process.Start(start) ?? throw new InvalidOperationException("The shell did not start.");

        var address = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = port,
            Username = "ampora",
            Password = password,
            Database = "postgres",
            Pooling = false,
        }.ToString();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(StartDeadline);
        while (true)
        {
            try
            {
                await ExecuteAsync(address, "SELECT 1", deadline.Token);
                return address;
            }
            catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
            {
                if (_shell.HasExited || deadline.IsCancellationRequested || IsForeign(e))
                    throw new InvalidOperationException($"PostgreSQL did not start on port {port}: {await ComplaintAsync()}", e);
                await Task.Delay(50, CancellationToken.None);
            }
        }
    }

    // A server that knows neither our user nor our password is not ours: it took the port first.
    private static bool IsForeign(Exception e) => e is PostgresException { SqlState: PostgresErrorCodes.InvalidPassword };

    private async Task<string> ComplaintAsync()
    {
        var log = Path.Combine(_folder!, "log");
        if (File.Exists(log))
            return await File.ReadAllTextAsync(log);
        return _shell!.HasExited ? await _shell.StandardError.ReadToEndAsync() : "it wrote no log";
    }

    private async Task StopAsync()
    {
        if (_shell is null)
            return;
        _shell.StandardInput.Close();
        using var deadline = new CancellationTokenSource(StopDeadline);
        try
        {
            await _shell.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            _shell.Kill(entireProcessTree: true);
        }

        _shell.Dispose();
        _shell = null;
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private static async Task ExecuteAsync(string address, string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(address);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string? FindBinaries()
    {
        const string packages = "/usr/lib/postgresql";
        var candidates = Directory.Exists(packages)
            ? Directory.GetDirectories(packages).OrderByDescending(d => d, StringComparer.Ordinal).Select(d => Path.Combine(d, "bin"))
            : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return candidates.Concat(path).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "postgres")));
    }
}
