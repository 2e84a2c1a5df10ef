using System.Diagnostics;
using Ampora.Hosting;
using Ampora.TestServers;

namespace Ampora.Gateway.Tests;

/// <summary>The program itself, as a process: exit codes and signals.</summary>
public sealed class ProcessSpecs
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bad_settings_end_it_with_code_78_and_a_line_for_each_on_standard_error()
    {
        using var process = Start(new() { ["Ampora__Management__Port"] = "none", ["Ampora__Gateway__Ingress"] = "http://ingress:8080" });
        var error = await process.StandardError.ReadToEndAsync(Cancelled);
        await process.WaitForExitAsync(Cancelled);
        Assert.Equal(ServiceHost.BadSettingsExitCode, process.ExitCode);
        Assert.Equal(2, error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("ampora-gateway: Ampora__Management__Port", error, StringComparison.Ordinal);
        Assert.Contains("ampora-gateway: Ampora__Gateway__Console", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_termination_signal_ends_it_with_code_0_also_while_somebody_is_connected()
    {
        await using var replica = await Replica.StartAsync();
        var port = FreePort.Next();
        using var process = Start(new()
        {
            ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}",
            ["Ampora__Management__Port"] = "0",
            ["Ampora__Gateway__Ingress"] = $"{replica.Address}",
            ["Ampora__Gateway__Console"] = $"{replica.Address}",
        });
        try
        {
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            await UntilLiveAsync(client);
            using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
            await kill.WaitForExitAsync(Cancelled);
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
            // 10 s are promised.
            patience.CancelAfter(TimeSpan.FromSeconds(20));
            await process.WaitForExitAsync(patience.Token);
            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    [Fact]
    public async Task A_port_that_is_taken_ends_it_with_code_1_and_says_so()
    {
        await using var replica = await Replica.StartAsync();
        using var process = Start(new()
        {
            ["ASPNETCORE_URLS"] = $"{replica.Address}",
            ["Ampora__Management__Port"] = "0",
            ["Ampora__Gateway__Ingress"] = $"{replica.Address}",
            ["Ampora__Gateway__Console"] = $"{replica.Address}",
        });
        var output = await process.StandardOutput.ReadToEndAsync(Cancelled);
        await process.WaitForExitAsync(Cancelled);
        Assert.Equal(1, process.ExitCode);
        Assert.Contains("address already in use", output, StringComparison.Ordinal);
    }

    private static Process Start(Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Ampora.Gateway.dll")]) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static async Task UntilLiveAsync(HttpClient client)
    {
        while (true)
        {
            try
            {
                if (await client.GetStringAsync("/healthz/live", Cancelled) == "live")
                    return;
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }
            await Task.Delay(100, Cancelled);
        }
    }
}
