using System.Diagnostics;
using System.Globalization;
using Ampora.Simulation;
using Ampora.Simulation.Mutations;

const string usage = """
    usage: tests/simulate [--seeds N] [--from S] [--seed S] [--mutation NAME] [--verbose]

      --seeds N         runs N seeds, 10000 unless told
      --from S          beginning with seed S, 1 unless told
      --seed S          replays seed S alone, and says how it ended
      --mutation NAME   with a rule of the protocol switched off; "list" names them, "all" tries each until it is caught
      --verbose         prints all that happens in the seed
    """;

var (seeds, from, single, mutationName, verbose) = (10_000, 1, (int?)null, "none", false);
for (var i = 0; i < args.Length; i++)
{
    if (args[i] == "--verbose")
    {
        verbose = true;
    }
    else if (args[i] == "--mutation" && i + 1 < args.Length)
    {
        mutationName = args[++i];
    }
    else if (i + 1 < args.Length && int.TryParse(args[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && args[i] is "--seeds" or "--from" or "--seed")
    {
        (seeds, from, single) = args[i++] switch { "--seeds" => (number, from, single), "--from" => (seeds, number, single), _ => (seeds, from, number) };
    }
    else
    {
        Console.Error.WriteLine(usage);
        return 2;
    }
}

if (mutationName == "list")
{
    foreach (var known in AllMutations.ByName.Values)
        Console.WriteLine($"{known.Name}: caught by {string.Join(", or by ", known.CaughtBy)}");
    return 0;
}

if (mutationName == "all")
{
    var caught = AllMutations.ByName.Values.Count(Try);
    Console.WriteLine($"{caught} of {AllMutations.ByName.Count} mutations were caught");
    return caught == AllMutations.ByName.Count ? 0 : 1;
}

if (mutationName != "none" && !AllMutations.ByName.ContainsKey(mutationName))
{
    Console.Error.WriteLine($"There is no mutation {mutationName}; --mutation list names them.");
    return 2;
}

var mutation = mutationName == "none" ? Mutation.None : AllMutations.ByName[mutationName];
if (single is { } seed)
{
    var result = SimulationRun.Run(seed, mutation, verbose);
    if (verbose && result.Broken is null)
        Console.Write(result.Trace);
    Console.WriteLine(result);
    return result.Broken is null ? 0 : 1;
}

var watch = Stopwatch.StartNew();
var (broken, steps) = SeedRange.Run(from, seeds, mutation, Environment.ProcessorCount);
if (broken is not null)
{
    Console.WriteLine(broken);
    return 1;
}

Console.WriteLine(FormattableString.Invariant($"{seeds} seeds from {from}: all invariants held in {steps} steps, {watch.Elapsed.TotalSeconds:F0} s"));
return 0;

bool Try(Mutation tried)
{
    var (found, _) = SeedRange.Run(from, seeds, tried, Environment.ProcessorCount);
    var expected = found is not null && tried.CaughtBy.Contains(found.Broken!.Invariant);
    Console.WriteLine($"{(found is null ? "NOT CAUGHT" : expected ? "caught" : "CAUGHT BY ANOTHER")}  {tried.Name}: seed {found?.Seed}, {found?.Broken?.Message.Split('\n')[0]}");
    return expected;
}
