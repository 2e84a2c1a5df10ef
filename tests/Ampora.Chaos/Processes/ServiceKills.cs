using Ampora.Deployments;

namespace Ampora.Chaos.Processes;

/// <summary>What row 7 is for sweepers, for the other services: each dies between two of its steps, or at any moment.</summary>
public sealed class ServiceKills(ChaosDeployment deployment) : IClassFixture<ChaosDeployment>
{
    /// <summary>Nobody knows of the first whether the webhook counts; of the second, only the sender does not.</summary>
    [Theory(Explicit = true)]
    [InlineData("ask:started:3")]
    [InlineData("ask:stopped:3")]
    public async Task Fault07_an_ingress_killed_around_its_commit_makes_its_sender_come_again(string step)
    {
        var report = await Scenario.RunAsync(deployment, context => context.DieAtAsync("ingress", step));
        Assert.True(report.IsClean);
    }

    /// <summary>It has taken polls or unfinished wake-ups, and nobody is told of them.</summary>
    [Fact(Explicit = true)]
    public async Task Fault07_a_scheduler_killed_before_it_publishes_what_it_took() =>
        await Scenario.RunAsync(deployment, context => context.DieAtAsync("scheduler", "wake:started:2"));

    /// <summary>Audit is away, so that the outbox has something to relay.</summary>
    [Fact(Explicit = true)]
    public async Task Fault07_a_scheduler_killed_while_it_relays_the_outbox() => await Scenario.RunAsync(
        deployment,
        async context =>
        {
            await context.KillAsync("audit", 0);
            await context.KillAsync("audit", 1);
            await context.DieAtAsync("scheduler", "publish:started:2");
            await context.DieAtAsync("scheduler", "publish:stopped:2", replica: 1);
            context.Start("audit", 0);
            context.Start("audit", 1);
        });

    [Theory(Explicit = true)]
    [InlineData("append:started:3")]
    [InlineData("append:stopped:3")]
    public async Task Fault07_an_audit_killed_around_its_commit_records_once(string step) =>
        await Scenario.RunAsync(deployment, context => context.DieAtAsync("audit", step));

    /// <summary>It has committed a change or a new source, and has told nobody.</summary>
    [Theory(Explicit = true)]
    [InlineData("publish:started:2")]
    [InlineData("wake:started:2")]
    public async Task Fault07_a_console_killed_behind_its_commit_owes_nothing_for_ever(string step) =>
        await Scenario.RunAsync(deployment, context => context.DieAtAsync("console", step));

    [Theory(Explicit = true)]
    [InlineData("console")]
    [InlineData("gateway")]
    public async Task Fault07_a_service_killed_again_and_again_at_any_moment(string service) => await Scenario.RunAsync(
        deployment,
        async context =>
        {
            var random = new Random(1);
            for (var i = 0; i < 5; i++)
            {
                await context.KillAsync(service);
                await Task.Delay(TimeSpan.FromSeconds(random.NextDouble()), Deployment.Token);
                context.Start(service);
                await Task.Delay(TimeSpan.FromSeconds(1 + (random.NextDouble() * 4)), Deployment.Token);
            }

            await deployment.WaitUntilReadyAsync(120);
        });

    /// <summary>A rotation that nobody answered for may have happened; the one after it has, and then the token before it is refused everywhere.</summary>
    [Fact(Explicit = true)]
    public async Task Fault07_a_console_killed_while_it_rotates_a_token_leaves_one_that_counts()
    {
        var source = await deployment.WatchAsync();
        for (var i = 0; i < 5; i++)
        {
            var old = source.WebhookToken;
            using var rotating = deployment.Api.PostAsync($"/api/git/sources/{source.Id}/webhook/token", null, Deployment.Token);
            await deployment.ProcessOf("console").KillAsync();
            await ((Task)rotating).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            deployment.ProcessOf("console").Start();
            await deployment.WaitUntilReadyAsync(120);
            await source.RotateAsync(overlapSeconds: 0);
            for (var replica = 0; replica < 2; replica++)
            {
                using var direct = new HttpClient { BaseAddress = new Uri(deployment.AddressOf("ingress", replica)) };
                using var refused = await source.SendWebhookAsync(with: old, through: direct);
                Assert.Equal(System.Net.HttpStatusCode.Unauthorized, refused.StatusCode);
                using var accepted = await source.SendWebhookAsync(through: direct);
                Assert.Equal(System.Net.HttpStatusCode.Accepted, accepted.StatusCode);
            }
        }
    }
}
