using System.Net;
using Ampora.Hosting.Settings;
using Microsoft.AspNetCore.DataProtection;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.LoadBalancing;
using Yarp.ReverseProxy.Transforms;

namespace Ampora.Gateway.Replicas;

/// <summary>Which path goes where, and how replicas are watched.</summary>
internal static class ReplicaRoutes
{
    public const string Ingress = "ingress";
    public const string Console = "console";

    // Senders wait 5 s at the least (Gitea, Gerrit), so a replica that takes no connection leaves time for another.
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromMilliseconds(800);

    // Between two signs of life: the ingress answers within 2 s of the last byte, the console's event stream has a heartbeat.
    private static readonly TimeSpan WebhookActivity = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ConsoleActivity = TimeSpan.FromSeconds(100);

    // Two failures in a row take a replica out, within the three seconds for which one that stops goes on serving.
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);

    // How long a replica that refused a request is left alone before it is tried again; probes may know sooner.
    private static readonly TimeSpan Reactivation = TimeSpan.FromSeconds(5);

    public static IReadOnlyList<RouteConfig> Routes { get; } =
    [
        new RouteConfig { RouteId = "webhooks", ClusterId = Ingress, Order = 0, Match = new RouteMatch { Path = "/api/git/webhook/{sourceId?}" } },
        new RouteConfig { RouteId = "all-else", ClusterId = Console, Order = 1, Match = new RouteMatch { Path = "/{**path}" } },
    ];

    public static void AddReplicas(this WebApplicationBuilder builder)
    {
        var settings = builder.Configuration.GetSection("Ampora:Gateway");
        var services = new[] { Ingress, Console }.Select(service => (service, Addresses(builder, service, settings[service]))).ToArray();
        var provider = new InMemoryConfigProvider(Routes, []);
        builder.Services.AddSingleton<IProxyConfigProvider>(provider);
        builder.Services.AddHostedService(container => ActivatorUtilities.CreateInstance<ReplicaAddresses>(
            container, provider, (IReadOnlyDictionary<string, Uri[]>)services.ToDictionary(service => service.service, service => service.Item2)));
        builder.Services.AddReverseProxy()
            .ConfigureHttpClient((_, handler) =>
            {
                handler.ConnectTimeout = ConnectTimeout;
                // Names are resolved here, and a replica that came back should be used at its new address.
                handler.PooledConnectionLifetime = TimeSpan.FromMinutes(2);
                handler.AutomaticDecompression = DecompressionMethods.None;
            })
            .AddTransforms(transforms => transforms.AddXForwarded(ForwardedTransformActions.Set));
        // For cookies that pin a client to a replica, which are not used: without this their keys would be written to the home folder.
        builder.Services.AddDataProtection().UseEphemeralDataProtectionProvider();
        builder.Services.AddHealthChecks().AddCheck<ReplicaHealth>("replicas");
    }

    public static void MapReplicas(this WebApplication app)
    {
        // In Standalone there is nothing to forward to.
        if (app.Services.GetService<IProxyConfigProvider>() is null)
            return;
        app.MapReverseProxy(proxy =>
        {
            proxy.UseMiddleware<AnotherReplica>();
            proxy.UseLoadBalancing();
            proxy.UsePassiveHealthChecks();
        });
    }

    /// <summary>A cluster of these replicas.</summary>
    public static ClusterConfig Cluster(string service, IEnumerable<Uri> replicas) => new()
    {
        ClusterId = service,
        LoadBalancingPolicy = LoadBalancingPolicies.PowerOfTwoChoices,
        HttpRequest = new ForwarderRequestConfig { ActivityTimeout = service == Ingress ? WebhookActivity : ConsoleActivity },
        HealthCheck = new HealthCheckConfig
        {
            Active = new ActiveHealthCheckConfig
            {
                Enabled = true,
                Interval = ProbeInterval,
                Timeout = ProbeTimeout,
                Policy = HealthCheckConstants.ActivePolicy.ConsecutiveFailures,
                Path = "/healthz/ready",
            },
            Passive = new PassiveHealthCheckConfig { Enabled = true, Policy = HealthCheckConstants.PassivePolicy.TransportFailureRate, ReactivationPeriod = Reactivation },
            // With none healthy all are tried: a probe that is wrong must not close the door.
            AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
        },
        Destinations = replicas.ToDictionary(replica => replica.ToString(), replica => new DestinationConfig { Address = replica.ToString() }, StringComparer.Ordinal),
    };

    private static Uri[] Addresses(WebApplicationBuilder builder, string service, string? setting)
    {
        var name = $"Ampora__Gateway__{char.ToUpperInvariant(service[0])}{service[1..]}";
        var addresses = (setting ?? "").Split([',', ' ', ';'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (addresses.Length == 0)
            builder.AddSettingsProblem($"{name} is missing: it should be where the {service} is, such as http://{service}:8080; several addresses are separated by commas.");
        var parsed = new List<Uri>();
        foreach (var address in addresses)
        {
            if (Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttp && uri.PathAndQuery == "/" && uri.UserInfo.Length == 0)
                parsed.Add(uri);
            else
                builder.AddSettingsProblem($"{name}: an entry is no address; it should be like http://{service}:8080.");
        }
        return [.. parsed];
    }
}
