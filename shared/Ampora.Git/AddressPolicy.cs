using System.Data.Common;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Ampora.Git;

/// <summary>
/// Which addresses Git connections may go to. It is asked for the very address that is connected to, so a name that resolves to another
/// one later gains nothing.
/// </summary>
public sealed class AddressPolicy
{
    // Where nobody's Git host is: what answers there is this machine, the cloud's metadata service, or a group.
    private static readonly (IPNetwork Network, string What)[] Refused =
    [
        (IPNetwork.Parse("0.0.0.0/8"), "an unspecified address"),
        (IPNetwork.Parse("::/128"), "an unspecified address"),
        (IPNetwork.Parse("169.254.0.0/16"), "a link-local address, where clouds keep their metadata service"),
        (IPNetwork.Parse("fe80::/10"), "a link-local address"),
        (IPNetwork.Parse("fd00:ec2::/32"), "the address of a cloud's metadata service"),
        (IPNetwork.Parse("fd20:ce::/32"), "the address of a cloud's metadata service"),
        (IPNetwork.Parse("100.100.100.200/32"), "the address of a cloud's metadata service"),
        (IPNetwork.Parse("168.63.129.16/32"), "the address of a cloud's metadata service"),
        (IPNetwork.Parse("192.0.0.192/32"), "the address of a cloud's metadata service"),
        (IPNetwork.Parse("224.0.0.0/4"), "a multicast address"),
        (IPNetwork.Parse("ff00::/8"), "a multicast address"),
        (IPNetwork.Parse("255.255.255.255/32"), "a broadcast address"),
    ];

    private static readonly IPNetwork LoopbackV4 = IPNetwork.Parse("127.0.0.0/8");

    // IPv4 addresses inside IPv6 ones: what is connected to is the IPv4 address.
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork Compatible = IPNetwork.Parse("::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    private readonly IReadOnlyList<IPNetwork> _allowed;
    private readonly IReadOnlyList<IPNetwork> _denied;
    private readonly List<(string Host, int Port)> _ownParts = [];

    /// <summary>Makes the policy that the settings say.</summary>
    /// <param name="limits">Checked settings.</param>
    public AddressPolicy(GitLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        _allowed = Parse(limits.AllowedNetworks);
        _denied = Parse(limits.DeniedNetworks);
    }

    /// <summary>Whether this machine itself may be connected to: in Development, where the Git host is often next door.</summary>
    public bool AllowLoopback { get; set; }

    /// <summary>The URLs that this process itself listens on; on loopback no Git connection goes to their ports.</summary>
    internal Func<IEnumerable<string>> OwnListeners { get; init; } = () => [];

    /// <summary>Denies one of Ampora's own parts, such as its database: whatever else is allowed, no Git connection goes there.</summary>
    /// <param name="host">A name or an address.</param>
    /// <param name="port">The port.</param>
    public void DenyOwnPart(string host, int port) => _ownParts.Add((host, port));

    /// <summary>Denies the server that a setting of Ampora's own connects to.</summary>
    /// <param name="connection">A connection string (<c>Host=…;Port=…</c>) or a URI (<c>amqp://…</c>); null and files deny nothing.</param>
    public void DenyConnection(string? connection)
    {
        if (Uri.TryCreate(connection, UriKind.Absolute, out var uri) && uri.Host.Length > 0)
        {
            DenyOwnPart(uri.IdnHost, uri.Port > 0 ? uri.Port : uri.Scheme == "amqps" ? 5671 : 5672);
            return;
        }

        var parts = new DbConnectionStringBuilder();
        try
        {
            parts.ConnectionString = connection;
        }
        catch (ArgumentException)
        {
            // The check of the settings says so.
            return;
        }

        if (!parts.TryGetValue("Host", out var hosts) && !parts.TryGetValue("Server", out hosts))
            return;
        var port = parts.TryGetValue("Port", out var given) && int.TryParse(given.ToString(), CultureInfo.InvariantCulture, out var number) ? number : 5432;
        foreach (var host in hosts.ToString()!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            // Several hosts, each with a port if need be; a path is a socket of this machine, which no URL reaches.
            if (Uri.TryCreate($"db://{host}", UriKind.Absolute, out var one) && one.Host.Length > 0)
                DenyOwnPart(one.IdnHost, one.Port > 0 ? one.Port : port);
        }
    }

    /// <summary>Checks a URL before anything is connected to: a host that is an address. Names are checked when they are connected to.</summary>
    /// <param name="url">The URL.</param>
    /// <returns>Null, or why it is refused and what to do about it.</returns>
    public string? FindProblem(GitUrl url)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (url.LiteralAddress is { } address)
            return FindProblem(address);
        var name = url.Uri.Host.TrimEnd('.');
        return name == "localhost" || name.EndsWith(".localhost", StringComparison.Ordinal) ? FindProblem(IPAddress.Loopback) : null;
    }

    /// <summary>Checks an address.</summary>
    /// <param name="address">The address, in any form.</param>
    /// <returns>Null, or why it is refused and what to do about it.</returns>
    public string? FindProblem(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var plain = Normalize(address);
        if (Contains(_denied, plain))
            return $"{plain} is in a network that Ampora__Git__DeniedNetworks denies.";
        if (Contains(_allowed, plain))
            return null;
        if (IsLoopback(plain))
        {
            return AllowLoopback
                ? null
                : $"{plain} is this machine itself; if the Git host really runs here, allow it with Ampora__Git__AllowedNetworks.";
        }

        foreach (var (network, what) in Refused)
        {
            if (network.Contains(plain))
                return $"{plain} is {what}, where no Git host should be; if yours is, allow it with Ampora__Git__AllowedNetworks.";
        }

        return null;
    }

    /// <summary>Whether an address and port is one of Ampora's own parts; their names are resolved now, as the connection is.</summary>
    internal async Task<bool> IsOwnPartAsync(IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        if (IsLoopback(Normalize(endPoint.Address)) && OwnListeners().Any(url => PortOf(url) == endPoint.Port))
            return true;
        foreach (var (host, port) in _ownParts)
        {
            if (port == endPoint.Port && (await ResolveAsync(host, cancellationToken)).Any(own => SameMachine(Normalize(own), Normalize(endPoint.Address))))
                return true;
        }

        return false;
    }

    // Such as http://*:8080, which is no URI, or http://127.0.0.1:8080.
    private static int PortOf(string url) =>
        int.TryParse(url.AsSpan(url.LastIndexOf(':') + 1).TrimEnd('/'), CultureInfo.InvariantCulture, out var port) ? port : -1;

    private static bool SameMachine(IPAddress own, IPAddress asked) => own.Equals(asked) || (IsLoopback(own) && IsLoopback(asked));

    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        try
        {
            return await Dns.GetHostAddressesAsync(host, cancellationToken);
        }
        catch (SocketException)
        {
            // A part that cannot be found under its name cannot be reached under it either.
            return [];
        }
    }

    private static bool IsLoopback(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork ? LoopbackV4.Contains(address) : address.Equals(IPAddress.IPv6Loopback);

    private static bool Contains(IReadOnlyList<IPNetwork> networks, IPAddress address)
    {
        foreach (var network in networks)
        {
            if (network.Contains(address))
                return true;
        }

        return false;
    }

    private static IPAddress Normalize(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        // A scope id would make the address unequal to itself in a network.
        var plain = new IPAddress(bytes);
        if (SixToFour.Contains(plain))
            return new IPAddress(bytes.AsSpan(2, 4));
        return Nat64.Contains(plain) || (Compatible.Contains(plain) && !plain.Equals(IPAddress.IPv6Loopback) && !plain.Equals(IPAddress.IPv6Any))
            ? new IPAddress(bytes.AsSpan(12, 4))
            : plain;
    }

    private static IReadOnlyList<IPNetwork> Parse(string text) =>
        Networks.TryParse(text, out var wrong) ?? throw new ArgumentException($"{wrong} is no network.", nameof(text));
}
