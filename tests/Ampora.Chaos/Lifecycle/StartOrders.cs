using System.Text.Json.Nodes;

namespace Ampora.Chaos.Lifecycle;

/// <summary>Services, broker and database come in any order, and everything becomes ready by itself.</summary>
public sealed class StartOrders
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Explicit = true)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Lifecycle_services_that_start_before_their_servers_become_ready_by_themselves(int seed)
    {
        var random = new Random(seed);
        await using var deployment = await LifecycleDeployment.PreparedAsync();
        await deployment.Database.StopAsync();
        await deployment.Broker.KillAsync();

        var order = deployment.AllProcesses.ToArray();
        random.Shuffle(order);
        foreach (var process in order)
        {
            process.Start();
            await Task.Delay(random.Next(0, 1500), Token);
        }

        foreach (var process in order)
        {
            var health = await deployment.EventuallyAsync(
                async () => await deployment.HealthAsync(process) is { } answer && SaysWhatItWaitsFor(process.Service, answer.Checks) ? Tuple.Create(answer.Live, answer.Ready) : null,
                $"{process.Service} says what it waits for",
                60);
            Assert.True(health.Item1, $"{process.Service} does not say that it lives");
            Assert.False(health.Item2 && process.Service != "gateway", $"{process.Service} is ready without its servers");
        }

        async Task LaterAsync(Func<Task> start)
        {
            await Task.Delay(TimeSpan.FromSeconds(random.Next(2, 20)), Token);
            await start();
        }

        await Task.WhenAll(
            LaterAsync(() => deployment.Database.RelaunchAsync(cancellationToken: Token)),
            LaterAsync(() => deployment.Broker.RelaunchAsync(Token)));
        await ProveAsync(deployment);
    }

    [Fact(Explicit = true)]
    public async Task Lifecycle_services_wait_for_their_virtual_host_and_their_databases_and_say_so()
    {
        await using var deployment = await LifecycleDeployment.PreparedAsync();
        await deployment.Broker.ControlAsync(Token, "delete_vhost", deployment.VirtualHost);
        foreach (var name in (string[])[LifecycleDeployment.Store, LifecycleDeployment.Audit])
            await deployment.Database.ExecuteAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS false", Token);
        foreach (var process in deployment.AllProcesses)
            process.Start();
        foreach (var process in deployment.ProcessesOf("sweeper"))
        {
            await deployment.EventuallyAsync(
                async () => await deployment.HealthAsync(process) is { Live: true, Ready: false } ? "waits" : null, "the sweeper waits", 60);
        }

        await Task.Delay(TimeSpan.FromSeconds(5), Token);
        foreach (var name in (string[])[LifecycleDeployment.Store, LifecycleDeployment.Audit])
            await deployment.Database.ExecuteAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS true", Token);
        var sweeper = deployment.ProcessOf("sweeper");
        await deployment.EventuallyAsync(
            async () => await deployment.HealthAsync(sweeper) is { } health && health.Checks["store-schema"]!["status"]!.GetValue<string>() == "healthy" ? "migrated" : null,
            "the store is migrated without the broker",
            60);
        Assert.False((await deployment.HealthAsync(sweeper))!.Value.Ready);
        await deployment.EventuallyAsync(() => Task.FromResult(sweeper.Output.Contains("is not at hand", StringComparison.Ordinal) ? "said" : null), "the sweeper says what is missing", 30);

        await deployment.Broker.ControlAsync(Token, "eval",
            $"""rabbit_vhost:add(<<"{deployment.VirtualHost}">>, <<"test">>), [rabbit_auth_backend_internal:set_permissions(U, <<"{deployment.VirtualHost}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>) || U <- [proplists:get_value(user, I) || I <- rabbit_auth_backend_internal:list_users()]].""");
        await ProveAsync(deployment);
    }

    // The gateway waits for nobody.
    private static bool SaysWhatItWaitsFor(string service, JsonNode checks) =>
        service == "gateway"
        || checks[service == "audit" ? "audit-schema" : "store-schema"]!["detail"]!.GetValue<string>().StartsWith("waiting for the ", StringComparison.Ordinal);

    private static async Task ProveAsync(LifecycleDeployment deployment)
    {
        await deployment.WaitUntilReadyAsync(120);
        foreach (var process in deployment.AllProcesses)
            await deployment.WaitForAsync(process);
        await Scenario.RunAsync(deployment, _ => Task.Delay(TimeSpan.FromSeconds(2), Token), sources: 4);
        foreach (var process in deployment.AllProcesses)
            Assert.False(process.HasExited, process.Service);
    }
}
