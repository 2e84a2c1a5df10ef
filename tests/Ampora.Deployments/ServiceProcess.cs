using System.Collections.Concurrent;
using System.Diagnostics;

namespace Ampora.Deployments;

/// <summary>One real process of a service, with its output kept for the day that a test fails.</summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    private const int KeptLines = 20_000;

    private readonly ConcurrentQueue<string> _output = [];
    private readonly ProcessStartInfo _start;
    private Process? _process;

    public ServiceProcess(string service, IReadOnlyDictionary<string, string?> environment, params string[] arguments)
    {
        Service = service;
        _start = new ProcessStartInfo("dotnet", [AssemblyOf(service), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach (var name in _start.Environment.Keys.Where(n => n.StartsWith("AMPORA", StringComparison.OrdinalIgnoreCase)).ToList())
            _start.Environment.Remove(name);
        _start.Environment.Remove("ASPNETCORE_ENVIRONMENT");
        foreach (var (name, value) in environment)
            _start.Environment[name] = value;
    }

    public string Service { get; }

    public int Id => _process!.Id;

    public bool HasExited => _process?.HasExited ?? true;

    public int ExitCode => _process!.ExitCode;

    public string Output => string.Join('\n', _output);

    public IReadOnlyCollection<string> Lines => [.. _output];

    public void Start()
    {
        _process?.Dispose();
        var process = new Process { StartInfo = _start };
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
    }

    /// <summary>Sends a signal: KILL, TERM, INT, STOP or CONT.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", _process!.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public async Task KillAsync()
    {
        await SignalAsync("KILL");
        await _process!.WaitForExitAsync();
    }

    /// <summary>Asks the process to end, and waits until it has.</summary>
    public async Task<int> StopAsync(string signal = "TERM")
    {
        await SignalAsync(signal);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await _process!.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null)
            return;
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    // Each service runs from its own output, as it is deployed, and not from the copies beside the tests.
    private static string AssemblyOf(string service)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var framework = output.Name;
        var configuration = output.Parent!.Name;
        var root = output;
        while (!File.Exists(Path.Combine(root.FullName, "Ampora.sln")))
            root = root.Parent ?? throw new InvalidOperationException("the tests run outside of their repository");
        var name = $"Ampora.{char.ToUpperInvariant(service[0])}{service[1..]}";
        var path = Path.Combine(root.FullName, "services", name, "bin", configuration, framework, $"{name}.dll");
        return File.Exists(path) ? path : throw new FileNotFoundException($"build {name} first", path);
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
