using Ampora.Benchmarks;

// Each promise in numbers, against the real programs that they are about, in one run. Exits with 1 when one is broken.
if (args is [GitHostProcess.Argument])
    return await GitHostProcess.ServeAsync();

(string Name, Func<Report, Task> RunAsync)[] all =
[
    ("tip", TipBenchmark.RunAsync),
];
if (args.FirstOrDefault(arg => all.All(benchmark => benchmark.Name != arg)) is { } unknown)
{
    Console.Error.WriteLine($"There is no benchmark {unknown}; there are {string.Join(", ", all.Select(benchmark => benchmark.Name))}.");
    return 2;
}

var report = new Report(Console.Out);
foreach (var benchmark in all.Where(benchmark => args.Length == 0 || args.Contains(benchmark.Name)))
    await benchmark.RunAsync(report);
return report.Finish();
