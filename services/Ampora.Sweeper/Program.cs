using Ampora.Hosting;
using Ampora.Sweeper;

return await ServiceHost.RunAsync(
    "sweeper",
    args,
    add: builder => builder.AddSweeper(),
    consumers: bus => bus.AddSweeperConsumers(),
    map: app => app.MapSweeper());
