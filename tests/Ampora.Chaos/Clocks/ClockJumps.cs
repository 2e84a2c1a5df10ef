using System.Diagnostics;
using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.Chaos.Clocks;

/// <summary>Row 16: the database's clock, which leases, back-offs and polls go by, jumps by an hour.</summary>
public sealed class ClockJumps
{
    private const int Sources = 30;
    private const int PolledEverySeconds = 15;

    // The rate that no jump may exceed, and what was asked around the ends of the time that is looked at.
    private const double MostOfTheRate = 1.5;
    private const int Slack = 5;

    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(30);

    [Theory(Explicit = true)]
    [InlineData(0, 60)]
    [InlineData(60, 0)]
    public async Task Fault16_a_clock_that_jumps_by_an_hour_steals_no_work_and_lets_pushes_through(int minutesBefore, int minutesAfter)
    {
        await using var deployment = await ChaosDeployment.StartedAsync(new JumpingClockDeployment(TimeSpan.FromMinutes(minutesBefore)));
        await Scenario.RunAsync(deployment, async context =>
        {
            var source = context.Load.Sources[0];
            string sha;
            using (var gate = source.Watched.Repository.Hold(GitRequestKind.Fetch))
            {
                sha = await context.Load.PushAsync(source);
                await gate.Reached.WaitAsync(TimeSpan.FromMinutes(1), Deployment.Token);
                context.Journal.Faulted("jump", "database", $"{minutesAfter - minutesBefore} minutes");
                await deployment.JumpToAsync(TimeSpan.FromMinutes(minutesAfter));
                await Task.Delay(TimeSpan.FromSeconds(5), Deployment.Token);
            }

            await source.WaitUntilPassedAsync(sha, seconds: 120);
        });
    }

    [Theory(Explicit = true)]
    [InlineData(0, 60)]
    [InlineData(60, 0)]
    public async Task Fault16_a_clock_that_jumps_by_an_hour_makes_no_storm_of_polls_and_stops_none(int minutesBefore, int minutesAfter)
    {
        await using var deployment = await ChaosDeployment.StartedAsync(new JumpingClockDeployment(TimeSpan.FromMinutes(minutesBefore)));
        var sources = new WatchedSource[Sources];
        await Parallel.ForAsync(0, Sources, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) => sources[i] = await deployment.AddAsync(PolledEverySeconds));
        foreach (var source in sources)
            await source.WaitForTipAsync(120);
        await Task.Delay(TimeSpan.FromSeconds(PolledEverySeconds), Deployment.Token);

        await deployment.JumpToAsync(TimeSpan.FromMinutes(minutesAfter));
        foreach (var source in sources)
            source.Repository.ForgetRequests();
        var began = Stopwatch.GetTimestamp();
        await Task.Delay(Watched, Deployment.Token);

        var listed = sources.Sum(s => s.Repository.Count(GitRequestKind.LsRefs));
        var most = (MostOfTheRate * Sources / PolledEverySeconds * Stopwatch.GetElapsedTime(began).TotalSeconds) + Slack;
        TestContext.Current.TestOutputHelper!.WriteLine($"{listed} listings in {Watched.TotalSeconds} s, at most {most:F0} allowed");
        Assert.InRange(listed, 1, most);
        // None was put off by the hour.
        foreach (var source in sources)
            await source.WaitForRunAsync(await source.Repository.CommitAsync(("after", "the jump")), seconds: 240);
    }
}
