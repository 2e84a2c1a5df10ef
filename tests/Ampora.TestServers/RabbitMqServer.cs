using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Ampora.TestServers;

/// <summary>
/// A RabbitMQ for tests. <see cref="SharedAsync"/> is one for the whole test process: the one that <c>AMPORA_TEST_BROKER</c> and
/// <c>AMPORA_TEST_BROKER_MANAGEMENT</c> name, or a private one. <see cref="StartPrivateAsync(CancellationToken)"/> is always private, for tests that stop,
/// pause or kill it. Each test takes a virtual host of its own.
/// </summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private const string Programs = "/usr/lib/rabbitmq/bin";
    private const string User = "guest";
    private const string Password = "guest";
    private static readonly TimeSpan StartDeadline = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan ControlDeadline = TimeSpan.FromMinutes(4);

    // The shell outlives a test process that was killed: its standard input ends, and it ends the broker, its name server (which
    // refuses while it still knows the node) and the folder.
    private const string Script = """
        rabbitmq-server < /dev/null > "$HOME/console" 2>&1 &
        cat > /dev/null
        kill -KILL "$(cat "$RABBITMQ_PID_FILE")" 2> /dev/null
        wait
        for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            epmd -kill > /dev/null 2>&1 && break
            sleep 0.1
        done
        rm -rf "$HOME"
        """;

    // What rabbitmq.conf has no line for is a parameter of the Erlang application.
    private const string ApplicationParameter = "rabbit.";

    private static readonly SemaphoreSlim Starting = new(1, 1);
    private static RabbitMqServer? _shared;

    private readonly Uri _address;
    private readonly Uri? _management;
    private readonly string? _folder;
    private readonly Dictionary<string, string> _environment = [];
    private Process? _shell;

    private RabbitMqServer(Uri address, Uri? management)
    {
        _address = address;
        _management = management;
    }

    private RabbitMqServer(int port, IReadOnlyDictionary<string, string> settings, X509Certificate2? certificate)
    {
        _address = new Uri($"amqp://{User}:{Password}@127.0.0.1:{port}/");
        _folder = Directory.CreateTempSubdirectory("ampora-rabbitmq-").FullName;
        // A home, a cookie, a name and a name server of its own: it meets no other RabbitMQ on this machine.
        _environment["HOME"] = _folder;
        _environment["PATH"] = $"{Programs}:{Environment.GetEnvironmentVariable("PATH")}";
        _environment["ERL_EPMD_PORT"] = $"{FreePort.Next()}";
        _environment["ERL_EPMD_ADDRESS"] = "127.0.0.1";
        _environment["RABBITMQ_NODENAME"] = "ampora-test@localhost";
        _environment["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1";
        _environment["RABBITMQ_NODE_PORT"] = $"{port}";
        _environment["RABBITMQ_DIST_PORT"] = $"{FreePort.Next()}";
        _environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}";
        _environment["RABBITMQ_MNESIA_BASE"] = Path.Combine(_folder, "data");
        _environment["RABBITMQ_LOG_BASE"] = Path.Combine(_folder, "log");
        _environment["RABBITMQ_CONFIG_FILE"] = Path.Combine(_folder, "rabbitmq.conf");
        _environment["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(_folder, "plugins");
        _environment["RABBITMQ_PID_FILE"] = Path.Combine(_folder, "pid");
        _environment["RABBITMQ_CONF_ENV_FILE"] = "/dev/null";
        var lines = new Dictionary<string, string> { ["disk_free_limit.absolute"] = "50MB" };
        if (certificate is not null)
        {
            TlsPort = FreePort.Next();
            lines["listeners.ssl.default"] = $"127.0.0.1:{TlsPort}";
            lines["ssl_options.certfile"] = Path.Combine(_folder, "certificate.pem");
            lines["ssl_options.keyfile"] = Path.Combine(_folder, "key.pem");
            File.WriteAllText(lines["ssl_options.certfile"], certificate.ExportCertificatePem());
            using var key = certificate.GetECDsaPrivateKey() ?? throw new ArgumentException("The certificate has no key.", nameof(certificate));
            File.WriteAllText(lines["ssl_options.keyfile"], key.ExportPkcs8PrivateKeyPem());
        }
        foreach (var (name, value) in settings)
        {
            if (name.StartsWith(ApplicationParameter, StringComparison.Ordinal))
                _environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] += $" -rabbit {name[ApplicationParameter.Length..]} {value}";
            else
                lines[name] = value;
        }
        File.WriteAllLines(_environment["RABBITMQ_CONFIG_FILE"], lines.Select(line => $"{line.Key} = {line.Value}"));
        File.WriteAllText(_environment["RABBITMQ_ENABLED_PLUGINS_FILE"], "[].\n");
    }

    /// <summary>Where it listens, with the user and the password of its administrator; the virtual host is <c>/</c>.</summary>
    public Uri Address => _address;

    /// <summary>Where it listens with TLS; 0 when it does not.</summary>
    public int TlsPort { get; }

    /// <summary>The broker that all tests of the process share. It ends with the process.</summary>
    public static async Task<RabbitMqServer> SharedAsync(CancellationToken cancellationToken = default)
    {
        await Starting.WaitAsync(cancellationToken);
        try
        {
            if (_shared is null)
            {
                var given = Environment.GetEnvironmentVariable("AMPORA_TEST_BROKER");
                var management = Environment.GetEnvironmentVariable("AMPORA_TEST_BROKER_MANAGEMENT");
                _shared = string.IsNullOrEmpty(given)
                    ? await StartPrivateAsync(cancellationToken)
                    : new RabbitMqServer(new Uri(given), string.IsNullOrEmpty(management) ? null : new Uri(management));
            }
            return _shared;
        }
        finally
        {
            Starting.Release();
        }
    }

    /// <summary>A broker that only the caller uses, and may break; dispose it.</summary>
    public static Task<RabbitMqServer> StartPrivateAsync(CancellationToken cancellationToken = default) =>
        StartPrivateAsync(new Dictionary<string, string>(), certificate: null, cancellationToken);

    /// <summary>The same with lines of its <c>rabbitmq.conf</c>, and with TLS on a port beside the plain one.</summary>
    /// <param name="settings">Lines by name, such as <c>consumer_timeout</c>; <c>rabbit.NAME</c> for a parameter that has no line, such as <c>channel_tick_interval</c>.</param>
    /// <param name="certificate">What it shows on <see cref="TlsPort"/>, with its key; null for no TLS.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<RabbitMqServer> StartPrivateAsync(
        IReadOnlyDictionary<string, string> settings, X509Certificate2? certificate = null, CancellationToken cancellationToken = default)
    {
        if (!File.Exists(Path.Combine(Programs, "rabbitmq-server")))
            MissingServer.SkipOrFail("RabbitMQ was not found: install rabbitmq-server (3.10 or later), or for tests that only use one set AMPORA_TEST_BROKER to its amqp:// address.");
        // Somebody else may take a port between the search and the start; then others are tried.
        for (var attempt = 1; ; attempt++)
        {
            var server = new RabbitMqServer(FreePort.Next(), settings, certificate);
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

    /// <summary>
    /// Makes a fresh virtual host and returns its <c>amqp://</c> address. On a given broker without a management API there is no way to
    /// make one: the given address is returned as it is, and tests share what lies there.
    /// </summary>
    public async Task<string> CreateVirtualHostAsync(CancellationToken cancellationToken = default)
    {
        var name = $"ampora-{Guid.NewGuid():n}";
        if (_folder is not null)
        {
            // One start of the control program instead of two.
            await ControlAsync(cancellationToken, "eval",
                $"""rabbit_vhost:add(<<"{name}">>, <<"test">>), rabbit_auth_backend_internal:set_permissions(<<"{User}">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>).""");
        }
        else if (_management is not null)
        {
            using var http = new HttpClient { BaseAddress = new Uri(_management.GetLeftPart(UriPartial.Authority).Replace(_management.UserInfo + "@", "", StringComparison.Ordinal)) };
            http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(_management.UserInfo))));
            var user = Uri.UnescapeDataString(_address.UserInfo.Split(':')[0]);
            (await http.PutAsJsonAsync($"/api/vhosts/{name}", new { tags = "ampora-test" }, cancellationToken)).EnsureSuccessStatusCode();
            (await http.PutAsJsonAsync($"/api/permissions/{name}/{user}", new { configure = ".*", write = ".*", read = ".*" }, cancellationToken)).EnsureSuccessStatusCode();
        }
        else
        {
            return _address.ToString();
        }
        return new UriBuilder(_address) { Path = name }.Uri.ToString();
    }

    /// <summary>Stops the broker inside its virtual machine: connections close, the port refuses, what is durable stays.</summary>
    public Task StopAppAsync(CancellationToken cancellationToken = default) => ControlAsync(cancellationToken, "stop_app");

    /// <summary>Starts the broker after <see cref="StopAppAsync"/>.</summary>
    public Task StartAppAsync(CancellationToken cancellationToken = default) => ControlAsync(cancellationToken, "start_app");

    /// <summary>Stops and starts the broker.</summary>
    /// <remarks>Both in one start of the control program, which takes longer than the restart.</remarks>
    public Task RestartAsync(CancellationToken cancellationToken = default) => ControlAsync(cancellationToken, "eval", "rabbit:stop(), rabbit:start().");

    /// <summary>Ends the broker without a word (kill -9). <see cref="RelaunchAsync"/> starts it again on its data.</summary>
    public async Task KillAsync()
    {
        Signal("KILL");
        await WaitUntilRefusedAsync();
        await EndShellAsync(removeFolder: false);
    }

    /// <summary>Asks the broker to end (SIGTERM): connections close and what is durable is written. <see cref="RelaunchAsync"/> starts it again on its data.</summary>
    public async Task TerminateAsync()
    {
        Signal("TERM");
        await WaitUntilRefusedAsync();
        await EndShellAsync(removeFolder: false);
    }

    /// <summary>Starts the broker after <see cref="KillAsync"/>, on the same port and data.</summary>
    public Task RelaunchAsync(CancellationToken cancellationToken = default) => LaunchAsync(cancellationToken);

    /// <summary>Halts the broker's process (SIGSTOP): connections stay open and silent.</summary>
    public void Pause() => Signal("STOP");

    /// <summary>Lets a paused broker go on (SIGCONT).</summary>
    public void Resume() => Signal("CONT");

    /// <summary>Raises the memory alarm: the broker stops reading from connections that publish.</summary>
    public Task RaiseMemoryAlarmAsync(CancellationToken cancellationToken = default) => ControlAsync(cancellationToken, "set_vm_memory_high_watermark", "0.000001");

    /// <summary>Ends the memory alarm.</summary>
    public Task ClearMemoryAlarmAsync(CancellationToken cancellationToken = default) => ControlAsync(cancellationToken, "set_vm_memory_high_watermark", "0.6");

    /// <summary>Raises the disk alarm, which blocks publishers too.</summary>
    public Task RaiseDiskAlarmAsync(CancellationToken cancellationToken = default) => ControlAsync(cancellationToken, "set_disk_free_limit", "1000000000000000");

    /// <summary>Ends the disk alarm.</summary>
    public Task ClearDiskAlarmAsync(CancellationToken cancellationToken = default) => ControlAsync(cancellationToken, "set_disk_free_limit", "50MB");

    /// <summary>All queues of a virtual host, with the messages that lie there and the consumers that are connected.</summary>
    /// <param name="address">The virtual host's <c>amqp://</c> address.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IReadOnlyList<QueueState>> QueuesAsync(string address, CancellationToken cancellationToken = default)
    {
        var host = Uri.UnescapeDataString(new Uri(address).AbsolutePath.TrimStart('/'));
        var output = await ControlAsync(cancellationToken, "--vhost", host, "list_queues", "--formatter", "json", "name", "messages", "consumers");
        return JsonSerializer.Deserialize<List<QueueState>>(output, JsonSerializerOptions.Web) ?? [];
    }

    /// <summary>What a private broker has logged.</summary>
    public string ReadLog() => string.Concat(Directory.GetFiles(_environment["RABBITMQ_LOG_BASE"], "*.log").Select(File.ReadAllText));

    /// <summary>Runs <c>rabbitmqctl</c> on a private broker and returns what it wrote.</summary>
    public async Task<string> ControlAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        if (_folder is null)
            throw new InvalidOperationException("Only a private broker can be controlled: use StartPrivateAsync.");
        var start = Start("rabbitmqctl", ["--quiet", .. arguments]);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var control = Process.Start(start) ?? throw new InvalidOperationException("rabbitmqctl did not start.");
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(ControlDeadline);
        try
        {
            var output = control.StandardOutput.ReadToEndAsync(deadline.Token);
            var error = control.StandardError.ReadToEndAsync(deadline.Token);
            await control.WaitForExitAsync(deadline.Token);
            return control.ExitCode == 0
                ? await output
                : throw new InvalidOperationException($"rabbitmqctl {arguments[0]} failed: {await error}{await output}");
        }
        finally
        {
            if (!control.HasExited)
                control.Kill(entireProcessTree: true);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_folder is null)
            return;
        await EndShellAsync(removeFolder: true);
    }

    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        File.Delete(_environment["RABBITMQ_PID_FILE"]);
        var start = Start("/bin/sh", ["-c", Script]);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        _shell = Process.Start(start) ?? throw new InvalidOperationException("The shell did not start.");
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(StartDeadline);
        while (!await AnswersAsync())
        {
            if (_shell.HasExited || deadline.IsCancellationRequested)
                throw new InvalidOperationException($"RabbitMQ did not start: {Complaint()}");
            await Task.Delay(100, CancellationToken.None);
        }
    }

    // The port opens last: what answers an AMQP greeting serves.
    private async Task<bool> AnswersAsync()
    {
        try
        {
            using var connection = new TcpClient();
            await connection.ConnectAsync(IPAddress.Loopback, _address.Port);
            var stream = connection.GetStream();
            await stream.WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray());
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            return await stream.ReadAsync(new byte[8], patience.Token) > 0;
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task WaitUntilRefusedAsync()
    {
        while (await AnswersAsync())
            await Task.Delay(20);
    }

    private async Task EndShellAsync(bool removeFolder)
    {
        if (_shell is null)
            return;
        if (!removeFolder)
        {
            // The script would remove the data: end it and its broker here instead.
            _shell.Kill(entireProcessTree: true);
        }
        _shell.StandardInput.Close();
        using var deadline = new CancellationTokenSource(ControlDeadline);
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
    }

    private void Signal(string signal)
    {
        var pid = File.ReadAllText(_environment["RABBITMQ_PID_FILE"]).Trim();
        using var kill = Process.Start(new ProcessStartInfo("kill", ["-" + signal, pid]));
        kill!.WaitForExit();
    }

    private ProcessStartInfo Start(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program.StartsWith('/') ? program : Path.Combine(Programs, program), arguments) { WorkingDirectory = _folder };
        foreach (var (name, value) in _environment)
            start.Environment[name] = value;
        return start;
    }

    private string Complaint()
    {
        var console = Path.Combine(_folder!, "console");
        return File.Exists(console) ? File.ReadAllText(console) : "it wrote nothing";
    }
}

/// <summary>What a broker says of a queue.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Messages">Messages in it, those that are delivered and not acknowledged included.</param>
/// <param name="Consumers">Consumers that are connected.</param>
public sealed record QueueState(string Name, long Messages, int Consumers);
