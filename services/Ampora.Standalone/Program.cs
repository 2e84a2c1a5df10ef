using Ampora.Audit;
using Ampora.Console;
using Ampora.Gateway;
using Ampora.Hosting;
using Ampora.Ingress;
using Ampora.Scheduler;
using Ampora.Standalone;
using Ampora.Sweeper;

return await CommandLine.RunAsync(args, async options =>
{
    if (DataFolder.TryOpen(LocalSettings.DataFolder(options), out var folder) is { } unusable)
        return CommandLine.Refuse(unusable, DataFolder.UnusableExitCode);
    using var data = folder!;
    if (TakenAddress.Find(LocalSettings.Urls(options)) is { } taken)
        return CommandLine.Refuse(taken, TakenAddress.ExitCode);

    var greeting = new Greeting(options, data);
    var exitCode = await ServiceHost.RunAsync(
        ServiceHost.Standalone,
        LocalSettings.HostArguments(options),
        add: builder =>
        {
            builder.AddLocalSettings(data, greeting);
            builder.AddGateway();
            builder.AddIngress();
            builder.AddScheduler();
            builder.AddSweeper();
            builder.AddAudit();
            builder.AddConsole();
        },
        consumers: bus =>
        {
            bus.AddGatewayConsumers();
            bus.AddIngressConsumers();
            bus.AddSchedulerConsumers();
            bus.AddSweeperConsumers();
            bus.AddAuditConsumers();
            bus.AddConsoleConsumers();
            bus.AddRunLines();
        },
        map: app =>
        {
            app.MapGateway();
            app.MapIngress();
            app.MapScheduler();
            app.MapSweeper();
            app.MapAudit();
            app.MapConsole();
        },
        started: greeting.SayAsync);
    return exitCode == 0 ? greeting.ExitCode : exitCode;
});
