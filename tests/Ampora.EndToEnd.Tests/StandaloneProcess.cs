using System.Collections.Concurrent;
using System.Diagnostics;

namespace Ampora.EndToEnd.Tests;

/// <summary>The real program in a process of its own, as a newcomer starts it.</summary>
internal sealed class StandaloneProcess : IAsyncDisposable
{
    // Far more than anything takes, on a machine that does other things too.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _errors = new();

    private StandaloneProcess(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Add(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Add(_errors, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Lines of standard output so far.</summary>
    public IReadOnlyList<string> Output => [.. _output];

    /// <summary>Lines of standard error so far.</summary>
    public IReadOnlyList<string> Errors => [.. _errors];

    /// <summary>Starts it on any free port, without a management port.</summary>
    public static StandaloneProcess Start(params string[] arguments) => StartWith(new Dictionary<string, string>(), arguments);

    /// <summary>Starts it with settings.</summary>
    public static StandaloneProcess StartWith(IReadOnlyDictionary<string, string> settings, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "Ampora.Standalone.dll"), .. arguments])
            start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Where(IsOurs).ToArray())
            start.Environment.Remove(name);
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["Ampora__Management__Port"] = "0";
        foreach (var (name, value) in settings)
            start.Environment[name] = value;
        return new StandaloneProcess(start);
    }

    /// <summary>Waits for a line of standard output.</summary>
    public Task<string> LineAsync(string part, int skip = 0) => LineAsync(line => line.Contains(part, StringComparison.Ordinal), part, skip);

    /// <summary>Waits until the greeting is complete, and returns the command in it.</summary>
    public async Task<string> CurlAsync() => (await LineAsync("  curl ")).Trim();

    /// <summary>Runs a line as if it were pasted into a terminal.</summary>
    public static async Task<string> PasteAsync(string line)
    {
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-c", line + " 2>&1"]) { RedirectStandardOutput = true })!;
        var output = await shell.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        return output;
    }

    /// <summary>^C.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> InterruptAsync()
    {
        using (var kill = Process.Start("kill", ["-INT", $"{_process.Id}"]))
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        return await ExitCodeAsync();
    }

    /// <summary>Waits until it ends by itself.</summary>
    public async Task<int> ExitCodeAsync()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience);
        await _process.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    /// <summary>kill -9, when it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<string> LineAsync(Func<string, bool> wanted, string what, int skip)
    {
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < Patience;)
        {
            if (_output.Where(wanted).Skip(skip).FirstOrDefault() is { } line)
                return line;
            if (_process.HasExited && waited.Elapsed > TimeSpan.FromSeconds(1))
                break;
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"No line with '{what}'. It wrote:\n{string.Join('\n', _output)}\nErrors:\n{string.Join('\n', _errors)}");
        throw new UnreachableException();
    }

    private static void Add(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
            lines.Enqueue(line);
    }

    private static bool IsOurs(string variable) =>
        ((string[])["AMPORA_", "Ampora__", "ConnectionStrings__", "ASPNETCORE_", "DOTNET_ENVIRONMENT"]).Any(p => variable.StartsWith(p, StringComparison.OrdinalIgnoreCase));
}
