using System.Diagnostics;
using System.Globalization;
using Ampora.TestServers;

namespace Ampora.Ingress.Tests.Bodies;

/// <summary>The program itself, as a process of its own, so that its memory can be told from that of the test.</summary>
internal sealed class IngressProcess : IAsyncDisposable
{
    private readonly Process _process;

    private IngressProcess(Process process, Uri address)
    {
        _process = process;
        Client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(30) };
        Address = address;
    }

    public Uri Address { get; }

    public HttpClient Client { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<IngressProcess> StartAsync(string store)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Ampora.Ingress.dll")]) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var (name, value) in new (string, string)[]
        {
            ("ASPNETCORE_URLS", address.ToString()),
            ("ASPNETCORE_ENVIRONMENT", "Development"),
            ("Ampora__Management__Port", "0"),
            ("ConnectionStrings__Store", store),
            // Nobody listens there; webhooks are accepted all the same.
            ("ConnectionStrings__Broker", "amqp://guest:guest@127.0.0.1:9/"),
            ("AMPORA_MASTER_KEY", Convert.ToBase64String(new byte[32])),
        })
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        // Read, so that the pipes never fill up.
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var started = new IngressProcess(process, address);
        await Eventually.HoldsAsync(started.IsLiveAsync, "the process is live");
        return started;
    }

    /// <summary>What it has in memory now, in bytes.</summary>
    public long ResidentBytes()
    {
        var line = File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    private async Task<bool> IsLiveAsync()
    {
        try
        {
            return (await Client.GetAsync("/healthz/live", Cancellation)).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
