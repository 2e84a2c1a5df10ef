using Ampora.Gateway;
using Ampora.Hosting;

return await ServiceHost.RunAsync(
    "gateway",
    args,
    add: builder => builder.AddGateway(),
    consumers: null,
    map: app => app.MapGateway());
