using Ampora.Benchmarks;
using Ampora.Deployments;

// Each promise in numbers, against the real programs that it is about, in one run. Exits with 1 when one is broken.
if (args is [GitHostProcess.Argument])
    return await GitHostProcess.ServeAsync();

string[] all = ["tip", "standalone", "distributed", "poison"];
if (args.FirstOrDefault(arg => !all.Contains(arg)) is { } unknown)
{
    Console.Error.WriteLine($"There is no benchmark {unknown}; there are {string.Join(", ", all)}.");
    return 2;
}

var report = new Report(Console.Out);
var wanted = args.Length > 0 ? args : all;
if (wanted.Contains("tip"))
    await TipBenchmark.RunAsync(report);
if (wanted.Contains("standalone"))
    await InAsync(new StandaloneDeployment(), "Standalone: one process, SQLite");
if (wanted.Contains("distributed"))
    await InAsync(new DistributedDeployment(), "Distributed: RabbitMQ, PostgreSQL, two sweepers");
if (wanted.Contains("poison"))
{
    await using var deployment = new DistributedDeployment();
    report.Title("Poison: RabbitMQ, PostgreSQL, two sweepers");
    await deployment.InitializeAsync();
    await PoisonBenchmark.RunAsync(report, deployment);
}

return report.Finish();

async Task InAsync(Deployment deployment, string title)
{
    await using (deployment)
    {
        report.Title(title);
        await deployment.InitializeAsync();
        await SourcesBenchmark.RunAsync(report, deployment);
        await WebhookBenchmark.RunAsync(report, deployment);
    }
}
