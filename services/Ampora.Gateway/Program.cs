using Ampora.Gateway;
using Ampora.Hosting;

return await ServiceHost.RunAsync(
    "gateway",
    args,
    add: builder => builder.AddGateway(),
    consumers: bus => bus.AddGatewayConsumers(),
    map: app => app.MapGateway());
