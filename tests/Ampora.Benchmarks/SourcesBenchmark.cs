using Ampora.Deployments;

namespace Ampora.Benchmarks;

/// <summary>How often a Git host is asked when one push is announced to many sources on one remote.</summary>
internal static class SourcesBenchmark
{
    private const int Sources = 50;
    private const int Rounds = 5;
    private const int MaxListings = 3;

    public static async Task RunAsync(Report report, Deployment deployment)
    {
        report.Title($"{Sources} sources on one remote, one push announced by one shared webhook, {Rounds} rounds");
        var remote = await SharedRemote.CreateAsync(deployment, Sources);
        for (var round = 1; round <= Rounds; round++)
        {
            var (listings, took) = await remote.PushAsync(Sources);
            report.Limit($"ls-refs by the host's counter, round {round}", listings, MaxListings);
            report.Note($"the last source had the commit after {took.TotalMilliseconds:0} ms");
        }
    }
}
