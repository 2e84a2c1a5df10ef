using Ampora.Scheduler;
using Ampora.Hosting;

return await ServiceHost.RunAsync(
    "scheduler",
    args,
    add: builder => builder.AddScheduler(),
    consumers: bus => bus.AddSchedulerConsumers(),
    map: app => app.MapScheduler());
