using System.Net;
using System.Net.Sockets;

namespace Ampora.Git.Http;

/// <summary>
/// Makes every connection to a Git host, whatever goes over it. Without a proxy the address that is connected to is the one that the policy was asked
/// about. Behind the operator's proxy, which is trusted, it is the proxy that connects: then a name that resolves here is denied if any of its addresses
/// is, and one that resolves for the proxy alone is the proxy's to judge.
/// </summary>
internal sealed class GuardedConnector(AddressPolicy policy, GitLimits limits)
{
    // Names of the outside often resolve for the proxy alone, and the resolver may take long to say so.
    private static readonly TimeSpan ResolveDeadline = TimeSpan.FromSeconds(2);

    /// <summary>The proxy of the settings; null without one.</summary>
    public GitProxy? Proxy { get; } = GitProxy.Of(limits);

    /// <summary>
    /// Connects to the first address of a host that is allowed and answers, within <see cref="GitLimits.ConnectDeadline"/>; through a tunnel where a proxy stands between.
    /// </summary>
    /// <exception cref="GitException">All addresses are denied, or the proxy makes no tunnel.</exception>
    /// <exception cref="SocketException">None answers.</exception>
    public async ValueTask<Stream> ConnectAsync(DnsEndPoint endPoint, CancellationToken cancellationToken)
    {
        if (Proxy is { } proxy && !proxy.Bypasses(endPoint.Host.Trim('[', ']')))
        {
            await CheckAsync(endPoint, cancellationToken);
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(limits.ConnectDeadline);
            try
            {
                return await ProxyTunnel.OpenAsync(proxy, await ConnectToProxyAsync(proxy, patience.Token), endPoint, patience.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw ProxyTunnel.Failed(proxy, "it did not answer in time");
            }
        }

        var addresses = IPAddress.TryParse(endPoint.Host.Trim('[', ']'), out var literal)
            ? [literal]
            : await Dns.GetHostAddressesAsync(endPoint.Host, cancellationToken);
        string? denied = null;
        var allowed = new List<IPAddress>(addresses.Length);
        foreach (var address in addresses)
        {
            if (await FindProblemAsync(new IPEndPoint(address, endPoint.Port), cancellationToken) is { } problem)
                denied ??= problem;
            else
                allowed.Add(address);
        }

        return allowed.Count == 0 && denied is not null
            ? throw Denied(endPoint, denied)
            : await ConnectAsync(allowed, endPoint.Port, cancellationToken);
    }

    /// <summary>Connects to the proxy itself; the operator set it, so no policy is asked.</summary>
    /// <exception cref="GitException">It cannot be reached.</exception>
    public async ValueTask<Stream> ConnectToProxyAsync(GitProxy proxy, CancellationToken cancellationToken)
    {
        try
        {
            var addresses = IPAddress.TryParse(proxy.EndPoint.Host.Trim('[', ']'), out var literal)
                ? [literal]
                : await Dns.GetHostAddressesAsync(proxy.EndPoint.Host, cancellationToken);
            return await ConnectAsync(addresses, proxy.EndPoint.Port, cancellationToken);
        }
        catch (SocketException e)
        {
            throw ProxyTunnel.Failed(proxy, $"no connection to it ({e.SocketErrorCode})", e);
        }
    }

    /// <summary>Checks a host that the proxy is going to connect to, as far as can be told from here.</summary>
    /// <exception cref="GitException">One of its addresses is denied.</exception>
    public async ValueTask CheckAsync(DnsEndPoint endPoint, CancellationToken cancellationToken)
    {
        foreach (var address in await ResolveAsync(endPoint.Host.Trim('[', ']'), cancellationToken))
        {
            if (await FindProblemAsync(new IPEndPoint(address, endPoint.Port), cancellationToken) is { } problem)
                throw Denied(endPoint, problem);
        }
    }

    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out var literal))
            return [literal];
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(ResolveDeadline);
        try
        {
            return await Dns.GetHostAddressesAsync(host, patience.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return [];
        }
    }

    private async ValueTask<string?> FindProblemAsync(IPEndPoint target, CancellationToken cancellationToken) =>
        policy.FindProblem(target.Address)
        ?? (await policy.IsOwnPartAsync(target, cancellationToken) ? $"{target} is one of Ampora's own services, not a Git host." : null);

    private static GitException Denied(DnsEndPoint endPoint, string problem) => new(
        "address_denied",
        $"Connections to {endPoint.Host} are denied: {problem}",
        "Correct the URL, or allow the address with Ampora__Git__AllowedNetworks if the Git host really is there.");

    private async ValueTask<Stream> ConnectAsync(IReadOnlyList<IPAddress> addresses, int port, CancellationToken cancellationToken)
    {
        // A dead address, often the IPv6 one of a host without IPv6, must leave time for the next.
        var share = TimeSpan.FromTicks(Math.Max(limits.ConnectDeadline.Ticks / Math.Max(addresses.Count, 1), TimeSpan.TicksPerSecond));
        Exception? failure = null;
        foreach (var address in addresses)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                patience.CancelAfter(share);
                await socket.ConnectAsync(new IPEndPoint(address, port), patience.Token);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                socket.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
                failure = e is SocketException ? e : new SocketException((int)SocketError.TimedOut);
            }
        }

        throw failure ?? new SocketException((int)SocketError.HostNotFound);
    }
}
