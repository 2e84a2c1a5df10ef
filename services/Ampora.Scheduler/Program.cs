using Ampora.Hosting;
using Ampora.Scheduler;

return await ServiceHost.RunAsync(
    "scheduler",
    args,
    add: builder => builder.AddScheduler(),
    consumers: bus => bus.AddSchedulerConsumers(),
    map: app => app.MapScheduler());
