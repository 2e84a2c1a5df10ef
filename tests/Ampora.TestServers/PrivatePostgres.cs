using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Npgsql;

namespace Ampora.TestServers;

/// <summary>
/// A PostgreSQL of the caller's own, which may be killed, stopped, paused and started again on its data. It syncs what it commits.
/// Dispose it.
/// </summary>
public sealed class PrivatePostgres : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(60);

    // The shell outlives a test process that was killed: its standard input ends, and it ends the server and removes the folders. A
    // line says that only the server's end is to be awaited: the shell collects it, without which its lock file counts as held.
    private const string Script = """
        folder=$1 data=$2 secret=$3 programs=$4
        shift 4
        set -e
        umask 077
        mkdir -p "$folder"
        if [ ! -e "$data/PG_VERSION" ]; then
            printf %s "$secret" > "$folder/password"
            "$programs/initdb" --pgdata="$data" --username=ampora --pwfile="$folder/password" --auth=scram-sha-256 \
                --encoding=UTF8 --locale=C --no-sync > "$folder/log" 2>&1
        fi
        "$programs/postgres" -D "$data" "$@" < /dev/null >> "$folder/log" 2>&1 &
        server=$!
        echo $server > "$folder/pid"
        set +e
        if read -r line; then
            wait $server
            exit
        fi
        # A paused one would not hear anything else.
        kill -KILL $server $(cat /proc/$server/task/$server/children)
        wait $server
        rm -rf "$data" "$folder"
        """;

    private readonly string _programs;
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"ampora-postgres-{Guid.NewGuid():n}");
    private readonly string _data;
    private readonly int _port = FreePort.Next();
    private readonly string _password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
    private Dictionary<string, string> _settings = new()
    {
        ["fsync"] = "on",
        ["max_connections"] = "200",
        ["shared_buffers"] = "64MB",
        ["log_min_messages"] = "warning",
    };
    private Process? _shell;

    private PrivatePostgres(string programs, IReadOnlyDictionary<string, string>? settings, string? dataFolder)
    {
        _programs = programs;
        _data = Path.Combine(dataFolder ?? _folder, "data");
        _settings = Merge(settings);
    }

    /// <summary>
    /// A connection string of a superuser for the database <c>postgres</c>. Not pooled: it is for administration, and holds nothing open.
    /// </summary>
    public string ConnectionString => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = _port,
        Username = "ampora",
        Password = _password,
        Database = "postgres",
        Pooling = false,
    }.ToString();

    /// <summary>What the server has written to its log since the first start.</summary>
    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    private string LogFile => Path.Combine(_folder, "log");

    /// <summary>Makes a cluster and starts it.</summary>
    /// <param name="settings">Settings of postgresql.conf, such as <c>max_connections</c>, over the defaults of this class.</param>
    /// <param name="dataFolder">
    /// An existing folder that takes the cluster instead of one in the system's temporary folder, such as a small file system. The
    /// cluster is removed from it at the end; the log is never in it.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<PrivatePostgres> StartAsync(
        IReadOnlyDictionary<string, string>? settings = null, string? dataFolder = null, CancellationToken cancellationToken = default)
    {
        var programs = FindPrograms();
        if (programs is null)
            MissingServer.SkipOrFail("PostgreSQL was not found: install postgresql (15 or later), or for tests that only use one set AMPORA_TEST_POSTGRES to the connection string of a superuser.");
        // PostgreSQL refuses to run as root; its package made a user for it, whose folder it must be.
        if (dataFolder is not null && Environment.IsPrivilegedProcess)
            await RunAsync("chown", ["postgres", dataFolder], cancellationToken);
        // Somebody else may take the port between the search and the start; then another one is tried.
        for (var attempt = 1; ; attempt++)
        {
            var server = new PrivatePostgres(programs!, settings, dataFolder);
            try
            {
                await server.LaunchAsync(cancellationToken);
                return server;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                await server.DisposeAsync();
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Makes a fresh, empty database.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A connection string of a superuser for it.</returns>
    public async Task<string> CreateDatabaseAsync(CancellationToken cancellationToken = default)
    {
        var name = $"ampora_{Guid.NewGuid():n}";
        await ExecuteAsync($"CREATE DATABASE {name}", cancellationToken);
        // A test opens many pools at once; each may have only a part of the server's connections.
        return new NpgsqlConnectionStringBuilder(ConnectionString) { Database = name, MaxPoolSize = 30, Pooling = true }.ToString();
    }

    /// <summary>Runs one statement as superuser in the database <c>postgres</c>.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken = default)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Ends the server and every process of it without a word (SIGKILL).</summary>
    public Task KillAsync()
    {
        var processes = Processes();
        Signal("KILL", processes);
        return AwaitEndAsync(processes);
    }

    /// <summary>Ends the server as <c>pg_ctl stop -m immediate</c> does (SIGQUIT): connections break at once, and the next start recovers.</summary>
    public Task StopImmediateAsync() => StopAsync("QUIT");

    /// <summary>Ends the server as <c>pg_ctl stop -m fast</c> does (SIGINT): transactions are rolled back, and everything is written.</summary>
    public Task StopAsync() => StopAsync("INT");

    /// <summary>Starts the server on its port and data again, after it was stopped or killed or has ended by itself; one that runs is stopped first.</summary>
    /// <param name="settings">Settings to change; null keeps all as they were.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task RelaunchAsync(IReadOnlyDictionary<string, string>? settings = null, CancellationToken cancellationToken = default)
    {
        await StopImmediateAsync();
        _settings = Merge(settings);
        await LaunchAsync(cancellationToken);
    }

    /// <summary>Halts every process of the server (SIGSTOP): connections stay open and silent, and new ones are neither answered nor refused.</summary>
    public void Pause()
    {
        // The first halts before the others are listed, so that it starts no more of them.
        Signal("STOP", Processes()[..1]);
        Signal("STOP", Processes());
    }

    /// <summary>Lets a paused server go on (SIGCONT).</summary>
    public void Resume() => Signal("CONT", Processes());

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_shell is null)
        {
            await RemoveAsync();
            return;
        }
        _shell.StandardInput.Close();
        await AwaitShellAsync();
        await RemoveAsync();
    }

    private async Task StopAsync(string signal)
    {
        if (_shell is null)
            return;
        var processes = Processes();
        Signal(signal, processes[..1]);
        Signal("CONT", processes);
        await AwaitEndAsync(processes);
    }

    private async Task AwaitEndAsync(int[] processes)
    {
        await _shell!.StandardInput.WriteLineAsync();
        await AwaitShellAsync();
        // A process that outlives the first one holds the shared memory, and the next start is refused.
        using var deadline = new CancellationTokenSource(StopDeadline);
        while (processes.Any(IsAlive))
            await Task.Delay(10, deadline.Token);
    }

    private async Task AwaitShellAsync()
    {
        using var deadline = new CancellationTokenSource(StopDeadline);
        try
        {
            await _shell!.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            _shell!.Kill(entireProcessTree: true);
        }
        _shell!.Dispose();
        _shell = null;
    }

    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        string[] command = Environment.IsPrivilegedProcess ? ["runuser", "-u", "postgres", "--", "sh"] : ["sh"];
        start.FileName = command[0];
        string[] options = ["-p", _port.ToString(CultureInfo.InvariantCulture), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="];
        foreach (var argument in (string[])[.. command[1..], "-c", Script, "ampora-postgres", _folder, _data, _password, _programs, .. options])
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in _settings)
        {
            start.ArgumentList.Add("-c");
            start.ArgumentList.Add($"{name}={value}");
        }
        if (File.Exists(PidFile))
            File.Delete(PidFile);
        _shell = Process.Start(start) ?? throw new InvalidOperationException("The shell did not start.");

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(StartDeadline);
        while (true)
        {
            try
            {
                await ExecuteAsync("SELECT 1", deadline.Token);
                return;
            }
            catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
            {
                if (_shell.HasExited || deadline.IsCancellationRequested || IsForeign(e) || HasEnded())
                    throw new InvalidOperationException($"PostgreSQL did not start on port {_port}: {await ComplaintAsync()}", e);
                await Task.Delay(50, CancellationToken.None);
            }
        }
    }

    // A server that knows neither our user nor our password is not ours: it took the port first.
    private static bool IsForeign(Exception e) => e is PostgresException { SqlState: PostgresErrorCodes.InvalidPassword };

    // The shell waits for a line even when its server has gone, for example because its disk is full.
    private bool HasEnded() => File.Exists(PidFile) && File.ReadAllText(PidFile) is { Length: > 0 } written && !IsAlive(int.Parse(written, CultureInfo.InvariantCulture));

    private async Task<string> ComplaintAsync()
    {
        if (File.Exists(LogFile))
            return Log;
        return _shell!.HasExited ? await _shell.StandardError.ReadToEndAsync() : "it wrote no log";
    }

    private string PidFile => Path.Combine(_folder, "pid");

    private Dictionary<string, string> Merge(IReadOnlyDictionary<string, string>? settings)
    {
        var merged = new Dictionary<string, string>(_settings);
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
            merged[name] = value;
        return merged;
    }

    // The first process of the server, then its children. Each is in a group of its own.
    private int[] Processes()
    {
        var first = int.Parse(File.ReadAllText(PidFile), CultureInfo.InvariantCulture);
        return [first, .. Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0 && Status(id).Parent == first)];
    }

    private static bool IsAlive(int process) => Status(process).State is not ('\0' or 'Z');

    // Of "id (name) state parent …"; the name may hold anything.
    private static (char State, int Parent) Status(int process)
    {
        try
        {
            var status = File.ReadAllText($"/proc/{process}/stat");
            var fields = status[(status.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    private static void Signal(string signal, int[] processes)
    {
        using var kill = Process.Start(new ProcessStartInfo("kill", ["-" + signal, .. processes.Select(id => id.ToString(CultureInfo.InvariantCulture))]) { RedirectStandardError = true });
        // It complains of those that have gone meanwhile.
        kill!.StandardError.ReadToEnd();
        kill.WaitForExit();
    }

    private async Task RemoveAsync()
    {
        foreach (var folder in (string[])[_data, _folder])
        {
            if (Directory.Exists(folder))
                await RunAsync("rm", ["-rf", folder], CancellationToken.None);
        }
    }

    private static async Task RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var complaint = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} failed: {complaint}");
    }

    private static string? FindPrograms()
    {
        const string packages = "/usr/lib/postgresql";
        var candidates = Directory.Exists(packages)
            ? Directory.GetDirectories(packages).OrderByDescending(d => d, StringComparer.Ordinal).Select(d => Path.Combine(d, "bin"))
            : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return candidates.Concat(path).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "postgres")));
    }
}
