namespace Ampora.Hosting.Http;

/// <summary>How the services behind the gateway treat it: <c>Ampora__Internal__…</c>.</summary>
internal sealed class InternalSettings
{
    /// <summary>
    /// From where <c>X-Forwarded-*</c> headers count, as CIDRs: the gateway's addresses. By default every private network, since the services
    /// are not to be reachable from any other; elsewhere the sender of a webhook could choose the address that the audit log shows.
    /// </summary>
    public string TrustedNetworks { get; set; } = "127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7, fe80::/10";
}
