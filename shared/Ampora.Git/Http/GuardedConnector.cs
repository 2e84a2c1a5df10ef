using System.Net;
using System.Net.Sockets;

namespace Ampora.Git.Http;

/// <summary>Makes every connection to a Git host, whatever goes over it: the address that is connected to is the one that the policy was asked about.</summary>
internal sealed class GuardedConnector(AddressPolicy policy, GitLimits limits)
{
    /// <summary>Connects to the first address of a host that is allowed and answers, within <see cref="GitLimits.ConnectDeadline"/>.</summary>
    /// <exception cref="GitException">All addresses are denied.</exception>
    /// <exception cref="SocketException">None answers.</exception>
    public async ValueTask<Stream> ConnectAsync(DnsEndPoint endPoint, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(endPoint.Host.Trim('[', ']'), out var literal)
            ? [literal]
            : await Dns.GetHostAddressesAsync(endPoint.Host, cancellationToken);
        // A dead address, often the IPv6 one of a host without IPv6, must leave time for the next.
        var share = TimeSpan.FromTicks(Math.Max(limits.ConnectDeadline.Ticks / Math.Max(addresses.Length, 1), TimeSpan.TicksPerSecond));
        string? denied = null;
        Exception? failure = null;
        foreach (var address in addresses)
        {
            var target = new IPEndPoint(address, endPoint.Port);
            var problem = policy.FindProblem(address)
                ?? (await policy.IsOwnPartAsync(target, cancellationToken) ? $"{target} is one of Ampora's own services, not a Git host." : null);
            if (problem is not null)
            {
                denied ??= problem;
                continue;
            }

            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                patience.CancelAfter(share);
                await socket.ConnectAsync(target, patience.Token);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                socket.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
                failure = e is SocketException ? e : new SocketException((int)SocketError.TimedOut);
            }
        }

        if (failure is null && denied is not null)
        {
            throw new GitException(
                "address_denied",
                $"Connections to {endPoint.Host} are denied: {denied}",
                "Correct the URL, or allow the address with Ampora__Git__AllowedNetworks if the Git host really is there.");
        }

        throw failure ?? new SocketException((int)SocketError.HostNotFound);
    }
}
