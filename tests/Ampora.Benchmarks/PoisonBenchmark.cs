using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.Benchmarks;

/// <summary>What sources that hang, trickle, fail, flap and burst cost those that are well: on the same Git host, and on others.</summary>
internal static class PoisonBenchmark
{
    private const int Beside = 100;
    private const int Apart = 400;
    private const int Pushers = 2;
    private const int Rounds = 3;
    private const double AtMost = 1.5;
    private static readonly TimeSpan Phase = TimeSpan.FromSeconds(20);

    // Until each has failed once and is known for it.
    private static readonly TimeSpan FirstContact = TimeSpan.FromSeconds(15);

    public static async Task RunAsync(Report report, DistributedDeployment deployment)
    {
        await using var host = await GitHttpServer.StartAsync();
        var apart = await HealthySources.CreateAsync(deployment, host, "apart", Apart);
        var beside = await HealthySources.CreateAsync(deployment, deployment.Git, "beside", Beside);
        await using var poison = await PoisonSources.CreateAsync(deployment, deployment.Git);
        report.Title(
            $"Webhook sent to run visible, {Apart + Beside} healthy sources, without and with {poison.Count} poison ones, in turns of {Phase.TotalSeconds:0} s; " +
            $"{Beside} of the healthy are on a host with half of the poison");
        await using var sweepers = new ProcessTrees(deployment);

        // Code is compiled to its end; nothing is measured.
        await PushAsync(apart, beside, new Timings(), new Timings(), FirstContact);
        var (firstApart, firstBeside) = (new Timings(), new Timings());
        await poison.SwitchOnAsync();
        await PushAsync(apart, beside, firstApart, firstBeside, FirstContact);
        await poison.SwitchOffAsync();
        report.Note($"while nobody knows them yet ({FirstContact.TotalSeconds:0} s): p99 {firstApart.Percentile(99):0} ms on other hosts, {firstBeside.Percentile(99):0} ms on theirs");

        var (without, with) = ((Apart: new Timings(), Beside: new Timings()), (Apart: new Timings(), Beside: new Timings()));
        for (var round = 0; round < Rounds; round++)
        {
            await PushAsync(apart, beside, without.Apart, without.Beside, Phase);
            await poison.SwitchOnAsync();
            await PushAsync(apart, beside, with.Apart, with.Beside, Phase);
            await poison.SwitchOffAsync();
        }

        foreach (var (where, a, b) in new[] { ("on other hosts", with.Apart, without.Apart), ("on the poison's host", with.Beside, without.Beside) })
        {
            report.Note($"{where}, p50: with poison {b.Median:0} -> {a.Median:0} ms; {b.Count} pushes without, {a.Count} with");
            report.Ratio($"{where}, p99", ("with poison", a.Percentile(99)), ("without", b.Percentile(99)), "ms", AtMost);
        }

        await deployment.EventuallyAsync(() => Task.FromResult(sweepers.Left().Count == 0 ? "none" : null), "no child of a sweeper is left", 150);
        report.Limit("git and ssh processes that are left", sweepers.Left().Count, 0);
        report.Limit("temporary folders that are left", TemporaryFolders(deployment.DataFolder), 0);
        report.Note($"the most that a sweeper and its children had in memory: {sweepers.TakePeak() / 1_000_000} MB");
    }

    private static async Task PushAsync(HealthySources apart, HealthySources beside, Timings timesApart, Timings timesBeside, TimeSpan time)
    {
        using var until = new CancellationTokenSource(time);
        await Task.WhenAll(Enumerable.Range(0, Pushers).SelectMany(_ => new[] { apart.PushAsync(timesApart, until.Token), beside.PushAsync(timesBeside, until.Token) }));
    }

    // What a fetch keeps beside the caches themselves.
    private static int TemporaryFolders(string folder) =>
        Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Select(path => Path.GetFileName(path)).Count(
            name => name.StartsWith("tmp_", StringComparison.Ordinal) || name.EndsWith(".scratch", StringComparison.Ordinal));
}

/// <summary>The sweepers of a deployment with their children.</summary>
internal sealed class ProcessTrees(DistributedDeployment deployment) : IAsyncDisposable
{
    private readonly List<ProcessTree> _trees = [.. Enumerable.Range(0, 2).Select(replica => new ProcessTree(deployment.ProcessOf("sweeper", replica).Id))];

    public IReadOnlyList<string> Left() => [.. _trees.SelectMany(tree => tree.Left(deployment.DataFolder))];

    public long TakePeak() => _trees.Max(tree => tree.TakePeak());

    public async ValueTask DisposeAsync()
    {
        foreach (var tree in _trees)
            await tree.DisposeAsync();
    }
}
