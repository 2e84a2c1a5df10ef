using System.Diagnostics;
using Ampora.Git;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Benchmarks;

/// <summary>What a tip check costs beside <c>git ls-remote</c>, on a repository with one ref and on one with very many.</summary>
internal static class TipBenchmark
{
    private const int Rounds = 250;
    private const int CpuReadings = 3000;
    private const double TimeShare = 1 / 4.0;
    private const double CpuShare = 1 / 20.0;
    private const double ManyRefsFactor = 1.2;

    public static async Task RunAsync(Report report)
    {
        report.Title($"Tip check beside `git ls-remote URL refs/heads/main`: HTTP, protocol v2, git http-backend in a process of its own, {Rounds} interleaved rounds");
        await using var host = await GitHostProcess.StartAsync();
        var cache = Directory.CreateTempSubdirectory("ampora-benchmark-");
        var services = new ServiceCollection();
        services.Configure<GitLimits>(limits =>
        {
            limits.AllowedNetworks = "127.0.0.0/8";
            // Readings in a row, as no host is asked otherwise: what holds them back is not what is measured.
            limits.RequestsPerHostPerSecond = 100_000;
        });
        services.AddGit(cache.FullName);
        await using var provider = services.BuildServiceProvider();
        var tips = provider.GetRequiredService<TipReader>();
        var (one, many) = (Remote(host.OneRef), Remote(host.ManyRefsUrl));

        Task<Tip> ReadAsync(GitRemote remote) => tips.ReadAsync(remote, "main", companions: 0, default);

        // Warm: connection, capabilities, and code that is compiled to its end.
        for (var i = 0; i < Rounds; i++)
        {
            await ReadAsync(one);
            await ReadAsync(many);
        }

        if ((await ReadAsync(one)).Sha != await LsRemote.RunAsync(host.OneRef) || (await ReadAsync(many)).Sha != await LsRemote.RunAsync(host.ManyRefsUrl))
            throw new InvalidOperationException("The two do not agree on the tip.");

        var (ours, theirs, oursMany, theirsMany) = (new Timings(), new Timings(), new Timings(), new Timings());
        for (var i = 0; i < Rounds; i++)
        {
            await ours.AddAsync(() => ReadAsync(one));
            await theirs.AddAsync(() => LsRemote.RunAsync(host.OneRef));
            await oursMany.AddAsync(() => ReadAsync(many));
            await theirsMany.AddAsync(() => LsRemote.RunAsync(host.ManyRefsUrl));
        }

        report.Ratio("time, one ref, median", ("tip check", ours.Median), ("git ls-remote", theirs.Median), "ms", TimeShare);
        report.Ratio($"time, {GitHostProcess.ManyRefs} refs, median", ("tip check", oursMany.Median), ("git ls-remote", theirsMany.Median), "ms", TimeShare);
        report.Ratio($"time, {GitHostProcess.ManyRefs} refs beside one, median", ("many", oursMany.Median), ("one", ours.Median), "ms", ManyRefsFactor);
        report.Note($"p99: tip check {ours.Percentile(99):0.#} ms, git ls-remote {theirs.Percentile(99):0.#} ms");

        var cpu = await CpuAsync(CpuReadings, () => ReadAsync(one), Process);
        var gitCpu = await CpuAsync(Rounds, () => LsRemote.RunAsync(host.OneRef), LsRemote.ChildrenCpu);
        report.Ratio("client CPU, one ref, mean", ("tip check", cpu), ("git ls-remote", gitCpu), "ms", CpuShare);
        cache.Delete(recursive: true);

        static TimeSpan Process()
        {
            using var self = System.Diagnostics.Process.GetCurrentProcess();
            return self.TotalProcessorTime;
        }
    }

    private static GitRemote Remote(string url) =>
        GitUrl.TryParse(url, out var parsed) is { } problem ? throw new InvalidOperationException(problem) : new GitRemote(parsed!, null);

    private static async Task<double> CpuAsync<T>(int count, Func<Task<T>> run, Func<TimeSpan> used)
    {
        var before = used();
        for (var i = 0; i < count; i++)
            await run();
        return (used() - before).TotalMilliseconds / count;
    }
}

/// <summary>How long something took, time after time.</summary>
internal sealed class Timings
{
    private readonly List<double> _milliseconds = [];

    public double Median => Percentile(50);

    public int Count => _milliseconds.Count;

    public double Percentile(int percent) => _milliseconds.Order().ElementAt(Math.Min(_milliseconds.Count * percent / 100, _milliseconds.Count - 1));

    public void Add(TimeSpan took) => _milliseconds.Add(took.TotalMilliseconds);

    public async Task AddAsync<T>(Func<Task<T>> run)
    {
        var began = Stopwatch.GetTimestamp();
        await run();
        Add(Stopwatch.GetElapsedTime(began));
    }
}
