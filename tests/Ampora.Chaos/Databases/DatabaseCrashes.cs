using System.Diagnostics;
using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.Chaos.Databases;

/// <summary>Row 9: the database dies or stands still under load, and answers to commits are lost.</summary>
public sealed class DatabaseCrashes(LinkedDeployment deployment) : IClassFixture<LinkedDeployment>
{
    private static readonly TimeSpan Downtime = TimeSpan.FromSeconds(4);

    // Webhooks wait for two seconds at most; the rest is what a machine that does other things may add.
    private static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(8);

    [Fact(Explicit = true)]
    public Task Fault09_the_database_killed_under_load() => CrashAsync("kill", database => database.KillAsync());

    [Fact(Explicit = true)]
    public Task Fault09_the_database_stopped_at_once_under_load() => CrashAsync("stop -m immediate", database => database.StopImmediateAsync());

    [Fact(Explicit = true)]
    public async Task Fault09_the_database_killed_five_times_in_a_row() => await Scenario.RunAsync(deployment, async context =>
    {
        for (var i = 0; i < 5; i++)
        {
            context.Journal.Faulted("kill", "database");
            await deployment.Database.KillAsync();
            await deployment.Database.RelaunchAsync(cancellationToken: Deployment.Token);
            await Task.Delay(TimeSpan.FromSeconds(1), Deployment.Token);
        }
    });

    [Fact(Explicit = true)]
    public async Task Fault09_the_answers_to_commits_are_lost() => await Scenario.RunAsync(deployment, async context =>
    {
        // A few at a time, so that what is tried again may be lost once more, and everybody's commits are met.
        var before = deployment.Link.AnswersLost;
        for (var i = 0; i < 15; i++)
        {
            context.Journal.Faulted("lose answers", "database", "2 commits");
            deployment.Link.LoseAnswersToCommits(2);
            await Task.Delay(TimeSpan.FromSeconds(1), Deployment.Token);
        }

        deployment.Link.LoseAnswersToCommits(0);
        Assert.InRange(deployment.Link.AnswersLost - before, 15, 30);
    });

    [Fact(Explicit = true)]
    public async Task Fault09_a_paused_database_answers_nobody_and_holds_nobody_up() => await Scenario.RunAsync(deployment, async context =>
    {
        context.Journal.Faulted("pause", "database", $"{Downtime}");
        deployment.Database.Pause();
        try
        {
            await RefusesSoonAsync(context);
            await Task.Delay(Downtime, Deployment.Token);
            await RefusesSoonAsync(context);
        }
        finally
        {
            deployment.Database.Resume();
        }
    });

    private async Task CrashAsync(string how, Func<PrivatePostgres, Task> crash) => await Scenario.RunAsync(deployment, async context =>
    {
        context.Journal.Faulted(how, "database", $"{Downtime}");
        await crash(deployment.Database);
        await RefusesSoonAsync(context);
        await Task.Delay(Downtime, Deployment.Token);
        await deployment.Database.RelaunchAsync(cancellationToken: Deployment.Token);
    });

    /// <summary>A webhook is refused before its sender gives up, and told when to come again.</summary>
    private async Task RefusesSoonAsync(ScenarioContext context)
    {
        var source = context.Load.Sources[0];
        var began = Stopwatch.GetTimestamp();
        using var request = source.RequestOf((await source.Watched.Repository.TipAsync())!, Guid.NewGuid().ToString());
        using var response = await deployment.Sender.SendAsync(request, Deployment.Token);
        Assert.Equal(503, (int)response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, AnswersWithin);
    }
}

/// <summary>A deployment whose processes reach the database through a link that loses answers.</summary>
public class LinkedDeployment : ChaosDeployment
{
    public DatabaseLink Link { get; private set; } = null!;

    protected override async Task<string> CreateDatabaseAsync()
    {
        var address = await base.CreateDatabaseAsync();
        // The store's, and then the audit log's; one link leads to both.
        Link ??= new DatabaseLink(address);
        return new Npgsql.NpgsqlConnectionStringBuilder(address) { Port = Link.Port, SslMode = Npgsql.SslMode.Disable }.ToString();
    }

    protected override async Task StopServersAsync()
    {
        await base.StopServersAsync();
        if (Link is not null)
            await Link.DisposeAsync();
    }
}
