using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Ampora.Deployments;

/// <summary>One real process of a service, with its output kept for the day that a test fails.</summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    private const int KeptLines = 20_000;

    private readonly ConcurrentQueue<string> _output = [];
    private readonly Dictionary<string, string?> _environment;
    private readonly string[] _arguments;

    // One starts the process again while another looks whether it lives.
    private readonly Lock _replacing = new();
    private Process? _process;

    public ServiceProcess(string service, IReadOnlyDictionary<string, string?> environment, params string[] arguments)
    {
        Service = service;
        _environment = new Dictionary<string, string?>(environment);
        _arguments = arguments;
        AssemblyFolder = FolderOf(service);
    }

    public string Service { get; }

    /// <summary>Where the service's assemblies lie, from the next start on: its own output, as it is deployed, unless a test has another release of it.</summary>
    public string AssemblyFolder { get; set; }

    public int Id => _process!.Id;

    public bool HasStarted => _process is not null;

    public bool HasExited
    {
        get
        {
            lock (_replacing)
                return _process?.HasExited ?? true;
        }
    }

    public int ExitCode => _process!.ExitCode;

    public string Output => string.Join('\n', _output);

    public IReadOnlyCollection<string> Lines => [.. _output];

    /// <summary>Sets a variable of the environment from the next start on; null removes it.</summary>
    public void Set(string name, string? value) => _environment[name] = value;

    public void Start()
    {
        var process = new Process { StartInfo = HowToStart() };
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.Start();
        Reaper.Took(process.Id);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        lock (_replacing)
        {
            if (_process is not null)
            {
                Reaper.Lost(_process.Id);
                _process.Dispose();
            }

            _process = process;
        }
    }

    /// <summary>Sends a signal: KILL, TERM, INT, STOP or CONT.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", _process!.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public async Task KillAsync()
    {
        await SignalAsync("KILL");
        await WaitForExitAsync();
    }

    /// <summary>Asks the process to end, and waits until it has.</summary>
    public async Task<int> StopAsync(string signal = "TERM")
    {
        await SignalAsync(signal);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await WaitForExitAsync(deadline.Token);
        return _process!.ExitCode;
    }

    /// <summary>Waits until the process has ended.</summary>
    /// <returns>Its exit code: 128 and the number of a signal, when one killed it.</returns>
    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken = default)
    {
        await _process!.WaitForExitAsync(cancellationToken);
        Reaper.Lost(_process.Id);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null)
            return;
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    private ProcessStartInfo HowToStart()
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AssemblyFolder, $"{AssemblyName(Service)}.dll"), .. _arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("AMPORA", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        start.Environment.Remove("ASPNETCORE_ENVIRONMENT");
        foreach (var (name, value) in _environment)
            start.Environment[name] = value;
        return start;
    }

    private static string AssemblyName(string service) => $"Ampora.{char.ToUpperInvariant(service[0])}{service[1..]}";

    // Each service runs from its own output, and not from the copies beside the tests.
    private static string FolderOf(string service)
    {
        var folder = BuildOutput.FolderOf(Path.Combine("services", AssemblyName(service)));
        return File.Exists(Path.Combine(folder, $"{AssemblyName(service)}.dll")) ? folder : throw new FileNotFoundException($"build {AssemblyName(service)} first", folder);
    }

    private void Keep(string? line)
    {
        if (line is null)
            return;
        _output.Enqueue(line);
        while (_output.Count > KeptLines)
            _output.TryDequeue(out _);
    }
}
