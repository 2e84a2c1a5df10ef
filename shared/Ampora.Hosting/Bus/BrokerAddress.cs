namespace Ampora.Hosting.Bus;

/// <summary>Where the broker is, read from <c>amqp[s]://user:password@host[:port][/vhost]</c>.</summary>
internal sealed record BrokerAddress(string Host, ushort Port, string VirtualHost, string Username, string Password, bool Tls)
{
    private const ushort PlainPort = 5672;
    private const ushort TlsPort = 5671;

    public static BrokerAddress? Parse(string? connection)
    {
        if (!Uri.TryCreate(connection, UriKind.Absolute, out var address) || address.Scheme is not ("amqp" or "amqps") || address.Host.Length == 0 || address.Host.Contains(',', StringComparison.Ordinal))
            return null;
        var user = address.UserInfo.Split(':', 2);
        var virtualHost = Uri.UnescapeDataString(address.AbsolutePath.TrimStart('/'));
        var tls = address.Scheme == "amqps";
        return new BrokerAddress(
            address.DnsSafeHost,
            address.Port > 0 ? (ushort)address.Port : tls ? TlsPort : PlainPort,
            virtualHost.Length == 0 ? "/" : virtualHost,
            // RabbitMQ's own defaults, which work on loopback alone.
            user[0].Length > 0 ? Uri.UnescapeDataString(user[0]) : "guest",
            user.Length > 1 ? Uri.UnescapeDataString(user[1]) : "guest",
            tls);
    }

    /// <summary>Without the password, which a record would print.</summary>
    public override string ToString() => $"{(Tls ? "amqps" : "amqp")}://{Host}:{Port}/{Uri.EscapeDataString(VirtualHost)}";
}
