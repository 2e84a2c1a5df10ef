using Ampora.Console;
using Ampora.Hosting;

return await ServiceHost.RunAsync(
    "console",
    args,
    add: builder => builder.AddConsole(),
    consumers: bus => bus.AddConsoleConsumers(),
    map: app => app.MapConsole());
