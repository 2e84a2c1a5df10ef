using Ampora.Audit;
using Ampora.Hosting;

return await ServiceHost.RunAsync(
    "audit",
    args,
    add: builder => builder.AddAudit(),
    consumers: bus => bus.AddAuditConsumers(),
    map: app => app.MapAudit());
