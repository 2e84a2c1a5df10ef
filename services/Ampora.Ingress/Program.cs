using Ampora.Hosting;
using Ampora.Ingress;

return await ServiceHost.RunAsync(
    "ingress",
    args,
    add: builder => builder.AddIngress(),
    consumers: bus => bus.AddIngressConsumers(),
    map: app => app.MapIngress());
