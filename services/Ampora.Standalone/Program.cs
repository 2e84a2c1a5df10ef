using Ampora.Audit;
using Ampora.Console;
using Ampora.Gateway;
using Ampora.Hosting;
using Ampora.Ingress;
using Ampora.Scheduler;
using Ampora.Sweeper;

return await ServiceHost.RunAsync(
    "standalone",
    args,
    add: builder =>
    {
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
    },
    map: app =>
    {
        app.MapGateway();
        app.MapIngress();
        app.MapScheduler();
        app.MapSweeper();
        app.MapAudit();
        app.MapConsole();
    });
