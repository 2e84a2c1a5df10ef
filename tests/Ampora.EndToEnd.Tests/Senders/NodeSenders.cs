using System.Diagnostics;
using System.Text.Json.Nodes;
using Ampora.Deployments;

namespace Ampora.EndToEnd.Tests.Senders;

/// <summary>Runs the scripts beside this file with node and the real libraries from npm, which it installs into a temporary folder.</summary>
internal static class NodeSenders
{
    private static readonly string[] Packages = ["@octokit/webhooks-methods@6.0.0", "standardwebhooks@1.1.1"];

    // A registry that does not answer must not hold the tests up.
    private static readonly TimeSpan InstallDeadline = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan SendDeadline = TimeSpan.FromSeconds(60);

    private static readonly Lazy<Task<(string? Folder, string? Missing)>> Installed = new(InstallAsync);

    /// <summary>Sends a body, signed by a script.</summary>
    /// <returns>What Ampora answered: <c>status</c> and <c>body</c>.</returns>
    public static async Task<JsonNode> SendAsync(string script, string url, string secret, string body)
    {
        var (folder, missing) = await Installed.Value;
        if (folder is null)
            Assert.Skip(missing!);
        var start = new ProcessStartInfo("node", [Path.Combine(folder, script)]);
        start.Environment["AMPORA_URL"] = url;
        start.Environment["AMPORA_SECRET"] = secret;
        start.Environment["AMPORA_BODY"] = body;
        var (exitCode, output, errors) = await RunAsync(start, SendDeadline);
        Assert.True(exitCode == 0, $"{script}: {errors}");
        return JsonNode.Parse(output)!;
    }

    private static async Task<(string? Folder, string? Missing)> InstallAsync()
    {
        var folder = Directory.CreateTempSubdirectory("ampora-npm-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        try
        {
            await RunAsync(new ProcessStartInfo("node", ["--version"]), SendDeadline);
            var (exitCode, _, errors) = await RunAsync(
                new ProcessStartInfo("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", .. Packages]) { WorkingDirectory = folder },
                InstallDeadline);
            if (exitCode != 0)
                return (null, $"npm could not install {string.Join(" and ", Packages)}: {errors}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (null, "node or npm is not installed");
        }
        catch (OperationCanceledException)
        {
            return (null, $"npm could not install {string.Join(" and ", Packages)} within {InstallDeadline.TotalSeconds} s");
        }

        // A module finds its libraries from where it lies.
        foreach (var script in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Senders"), "*.mjs"))
            File.Copy(script, Path.Combine(folder, Path.GetFileName(script)));
        return (folder, null);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(ProcessStartInfo start, TimeSpan patience)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token);
        deadline.CancelAfter(patience);
        using var process = Process.Start(start)!;
        try
        {
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
