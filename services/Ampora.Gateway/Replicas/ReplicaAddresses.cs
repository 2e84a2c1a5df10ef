using System.Net;
using System.Net.Sockets;
using Yarp.ReverseProxy.Configuration;

namespace Ampora.Gateway.Replicas;

/// <summary>
/// Resolves the names of the services again and again, so that replicas that are added are used and those that are gone are not. A name
/// that does not resolve (yet) is no error: the gateway may start first.
/// </summary>
internal sealed partial class ReplicaAddresses(
    InMemoryConfigProvider provider, IReadOnlyDictionary<string, Uri[]> services, TimeProvider time, ILogger<ReplicaAddresses> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);
    private readonly Dictionary<string, Uri[]> _known = [];
    private readonly HashSet<string> _unresolved = [];

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before the first request, where names resolve.
        await ResolveAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await ResolveAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private async Task ResolveAsync(CancellationToken cancellationToken)
    {
        var changed = false;
        foreach (var (service, addresses) in services)
        {
            var replicas = new HashSet<Uri>();
            foreach (var address in addresses)
                replicas.UnionWith(await ReplicasAsync(address, cancellationToken));
            // A name server that is away for a moment must not empty the list.
            if (replicas.Count == 0 || (_known.TryGetValue(service, out var known) && replicas.SetEquals(known)))
                continue;
            _known[service] = [.. replicas];
            changed = true;
            Log.Replicas(logger, service, string.Join(", ", replicas));
        }
        if (changed)
            provider.Update(ReplicaRoutes.Routes, [.. _known.Select(service => ReplicaRoutes.Cluster(service.Key, service.Value))]);
    }

    private async Task<IEnumerable<Uri>> ReplicasAsync(Uri address, CancellationToken cancellationToken)
    {
        if (address.HostNameType is not UriHostNameType.Dns)
            return [address];
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        try
        {
            var found = await Dns.GetHostAddressesAsync(address.DnsSafeHost, deadline.Token);
            _unresolved.Remove(address.DnsSafeHost);
            return found.Select(ip => new UriBuilder(address) { Host = ip.ToString() }.Uri);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            if (_unresolved.Add(address.DnsSafeHost))
                Log.Unresolved(logger, address.DnsSafeHost, e.Message);
            return [];
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Replicas of {Service}: {Replicas}")]
        public static partial void Replicas(ILogger logger, string service, string replicas);

        [LoggerMessage(LogLevel.Warning, "{Host} does not resolve ({Reason}); it is tried again every 2 s")]
        public static partial void Unresolved(ILogger logger, string host, string reason);
    }
}
