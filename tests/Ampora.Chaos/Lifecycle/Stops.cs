using System.Net.Http.Headers;
using Ampora.Deployments;

namespace Ampora.Chaos.Lifecycle;

/// <summary>A service that is told to stop ends in order within ten seconds, whatever hangs, and loses nothing.</summary>
public sealed class Stops
{
    private static readonly string[] Services = ["ingress", "console", "scheduler", "sweeper", "audit", "gateway"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task Lifecycle_each_service_stops_in_order_under_load()
    {
        await using var deployment = await LifecycleDeployment.RunningAsync();
        await Scenario.RunAsync(deployment, context => StopEachAsync(context, () => Task.CompletedTask));
    }

    [Fact(Explicit = true)]
    public async Task Lifecycle_each_service_stops_in_order_while_the_broker_is_paused()
    {
        await using var deployment = await LifecycleDeployment.RunningAsync();
        await Scenario.RunAsync(deployment, async context =>
        {
            deployment.Broker.Pause();
            context.Journal.Faulted("pause", "broker");
            try
            {
                await StopEachAsync(context, () => Task.CompletedTask, isReady: false);
            }
            finally
            {
                deployment.Broker.Resume();
            }
        });
    }

    [Fact(Explicit = true)]
    public async Task Lifecycle_each_service_stops_in_order_while_the_broker_is_away()
    {
        await using var deployment = await LifecycleDeployment.RunningAsync();
        await Scenario.RunAsync(deployment, async context =>
        {
            await deployment.Broker.KillAsync();
            context.Journal.Faulted("kill", "broker");
            await StopEachAsync(context, () => Task.CompletedTask, isReady: false);
            await deployment.Broker.RelaunchAsync(Token);
        });
    }

    [Fact(Explicit = true)]
    public async Task Lifecycle_each_service_stops_in_order_while_the_database_is_paused()
    {
        await using var deployment = await LifecycleDeployment.RunningAsync();
        await Scenario.RunAsync(deployment, async context =>
        {
            foreach (var service in Services)
            {
                deployment.Database.Pause();
                context.Journal.Faulted("pause", "database");
                try
                {
                    await Task.Delay(500, Token);
                    await StopOneAsync(context, deployment.ProcessOf(service));
                }
                finally
                {
                    deployment.Database.Resume();
                }

                deployment.ProcessOf(service).Start();
                await ((LifecycleDeployment)context.Deployment).WaitForAsync(deployment.ProcessOf(service));
            }
        });
    }

    [Fact(Explicit = true)]
    public async Task Lifecycle_a_sweeper_that_stops_while_a_host_hangs_gives_its_lease_to_another_at_once()
    {
        await using var deployment = await LifecycleDeployment.RunningAsync();
        await Scenario.RunAsync(deployment, async context =>
        {
            var hung = context.Load.Sources[1];
            hung.Watched.Repository.Hangs = true;
            var pushing = context.Load.PushAsync(hung);
            var lease = await deployment.EventuallyAsync(
                async () => await deployment.LeaseAsync(hung.Id) is { } held ? Tuple.Create(held.Owner, held.Fence) : null, "somebody checks the source that hangs");
            var holder = deployment.ProcessesOf("sweeper").Single(p => lease.Item1.Split(':')[1] == $"{p.Id}");
            await StopOneAsync(context, holder);
            // Not by the end of the lease.
            await deployment.EventuallyAsync(
                async () => await deployment.LeaseAsync(hung.Id) is not { } next || next.Owner != lease.Item1 ? "given back" : null, "the lease is given back", 2);
            hung.Watched.Repository.Hangs = false;
            holder.Start();
            await pushing;
        });
    }

    [Fact(Explicit = true)]
    public async Task Lifecycle_an_open_event_stream_does_not_hold_up_the_stop()
    {
        await using var deployment = await LifecycleDeployment.RunningAsync();
        await Scenario.RunAsync(deployment, async context =>
        {
            using var stream = await OpenStreamAsync(deployment);
            await StopOneAsync(context, deployment.ProcessOf("console"), "TERM", "INT");
            deployment.ProcessOf("console").Start();
            await deployment.WaitForAsync(deployment.ProcessOf("console"));
            using var another = await OpenStreamAsync(deployment);
            await StopOneAsync(context, deployment.ProcessOf("gateway"), "TERM");
            deployment.ProcessOf("gateway").Start();
            await deployment.WaitUntilReadyAsync();
        });
    }

    [Theory(Explicit = true)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Lifecycle_a_process_that_is_told_to_stop_while_it_starts_ends_in_order(int seed)
    {
        // Of a process whose runtime does not listen for signals yet, the system's answer to SIGTERM.
        const int terminated = 128 + 15;
        var random = new Random(seed);
        await using var deployment = await LifecycleDeployment.RunningAsync();
        await Scenario.RunAsync(deployment, async context =>
        {
            foreach (var service in Services)
            {
                var process = deployment.ProcessOf(service);
                await StopOneAsync(context, process);
                for (var i = 0; i < 4; i++)
                {
                    process.Start();
                    await Task.Delay(random.Next(20, 2500), Token);
                    var told = System.Diagnostics.Stopwatch.GetTimestamp();
                    var exitCode = await process.StopAsync();
                    Assert.True(exitCode is 0 or terminated, $"{service} ended with {exitCode}\n{process.Output}");
                    Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(told) < TimeSpan.FromSeconds(10), $"{service} took long to stop\n{process.Output}");
                }

                process.Start();
                await deployment.WaitForAsync(process);
            }
        });
    }

    private static async Task StopEachAsync(ScenarioContext context, Func<Task> before, bool isReady = true)
    {
        var deployment = (LifecycleDeployment)context.Deployment;
        foreach (var service in Services)
        {
            var process = deployment.ProcessOf(service);
            await before();
            await StopOneAsync(context, process);
            process.Start();
            if (isReady)
                await deployment.WaitForAsync(process);
        }
    }

    private static async Task StopOneAsync(ScenarioContext context, ServiceProcess process, params string[] further)
    {
        context.Journal.Faulted("restart", process.Service);
        var took = await LifecycleDeployment.StopInOrderAsync(process, further);
        TestContext.Current.TestOutputHelper?.WriteLine($"{process.Service} stopped in {took.TotalSeconds:F1} s");
    }

    private static async Task<HttpResponseMessage> OpenStreamAsync(Deployment deployment)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/events");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        var response = await deployment.Api.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.True(response.IsSuccessStatusCode);
        return response;
    }
}
