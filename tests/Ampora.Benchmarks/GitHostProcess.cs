using System.Diagnostics;
using System.Globalization;
using System.Text;
using Ampora.TestServers;

namespace Ampora.Benchmarks;

/// <summary>
/// A Git host in a process of its own, so that what it costs is not counted as the client's: <c>git http-backend</c> with protocol v2,
/// for a repository with one ref and one with very many.
/// </summary>
internal sealed class GitHostProcess : IAsyncDisposable
{
    public const string Argument = "serve";

    public const int ManyRefs = 20_000;

    private readonly Process _process;

    private GitHostProcess(Process process, string oneRef, string manyRefs)
    {
        _process = process;
        OneRef = oneRef;
        ManyRefsUrl = manyRefs;
    }

    /// <summary>The URL of the repository whose only ref is <c>refs/heads/main</c>.</summary>
    public string OneRef { get; }

    /// <summary>The URL of the repository that has <see cref="ManyRefs"/> refs besides.</summary>
    public string ManyRefsUrl { get; }

    public static async Task<GitHostProcess> StartAsync()
    {
        var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(GitHostProcess).Assembly.Location, Argument])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var urls = (await process.StandardOutput.ReadLineAsync())?.Split(' ')
            ?? throw new InvalidOperationException("The Git host did not start.");
        return new GitHostProcess(process, urls[0], urls[1]);
    }

    /// <summary>What the process itself does: serves until its standard input ends.</summary>
    public static async Task<int> ServeAsync()
    {
        await using var server = await GitHttpServer.StartAsync();
        var (one, many) = (server.CreateRepository("one"), server.CreateRepository("many"));
        await one.CommitAsync(("README.md", "# One\n"));
        var sha = await many.CommitAsync(("README.md", "# Many\n"));
        var refs = new StringBuilder();
        for (var i = 0; i < ManyRefs; i++)
            refs.Append(CultureInfo.InvariantCulture, $"create refs/heads/topic/{i:d5} {sha}\n");
        await many.RunGitAsync(Encoding.ASCII.GetBytes(refs.ToString()), "update-ref", "--stdin");
        // As a host that tends its repositories has them.
        foreach (var repository in new[] { one, many })
            await repository.RunGitAsync("pack-refs", "--all");
        System.Console.WriteLine($"{one.Url} {many.Url}");
        await System.Console.In.ReadToEndAsync();
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
