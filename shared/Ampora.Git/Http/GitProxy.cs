using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Ampora.Git.Http;

/// <summary>
/// The HTTP proxy that stands between Ampora and its Git hosts, as the operator set it. The HTTP client is told of it for requests in clear alone: tunnels are
/// made by <see cref="GuardedConnector"/>.
/// </summary>
internal sealed class GitProxy : IWebProxy
{
    private static readonly char[] Separators = [',', ' ', ';'];

    private readonly Uri _bare;
    private readonly string[] _direct;

    private GitProxy(Uri address, NetworkCredential? login, string noProxy)
    {
        _bare = new UriBuilder(address) { UserName = "", Password = "" }.Uri;
        Login = login;
        Header = login is null ? null : new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{login.UserName}:{login.Password}")));
        _direct = [.. noProxy.Split(Separators, StringSplitOptions.RemoveEmptyEntries).Select(host => host.TrimStart('*').TrimStart('.'))];
    }

    /// <summary>Where it listens.</summary>
    public DnsEndPoint EndPoint => new(_bare.IdnHost, _bare.Port);

    /// <summary>Who asks it; null when it lets everybody.</summary>
    public NetworkCredential? Login { get; }

    /// <summary>The header that shows it who asks.</summary>
    public AuthenticationHeaderValue? Header { get; }

    /// <summary>None: a login that waits to be asked for would cost each request a second one, and a stream cannot be sent twice.</summary>
    public ICredentials? Credentials
    {
        get => null;
        set => throw new NotSupportedException();
    }

    /// <summary>The proxy of the settings; null without one.</summary>
    public static GitProxy? Of(GitLimits limits) =>
        limits.Proxy.Length == 0 ? null
        : TryParse(limits.Proxy, out var address, out var login) is { } problem ? throw new ArgumentException(problem, nameof(limits))
        : new GitProxy(address!, login, limits.NoProxy);

    /// <summary>Reads the setting.</summary>
    /// <returns>Null, or what is wrong, without repeating any of it.</returns>
    public static string? TryParse(string text, out Uri? address, out NetworkCredential? login)
    {
        login = null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out address) || address.Scheme != "http" || address.Host.Length == 0 || address.PathAndQuery != "/" || address.Fragment.Length > 0)
            return "It should be http://host:port, or http://user:password@host:port with special characters percent-encoded.";
        if (address.UserInfo.Length > 0)
        {
            var colon = address.UserInfo.IndexOf(':', StringComparison.Ordinal);
            login = colon < 0
                ? new NetworkCredential(Uri.UnescapeDataString(address.UserInfo), "")
                : new NetworkCredential(Uri.UnescapeDataString(address.UserInfo[..colon]), Uri.UnescapeDataString(address.UserInfo[(colon + 1)..]));
        }

        return null;
    }

    /// <summary>Whether a host is reached without the proxy.</summary>
    public bool Bypasses(string host)
    {
        foreach (var suffix in _direct)
        {
            if (host.EndsWith(suffix, StringComparison.OrdinalIgnoreCase) && (host.Length == suffix.Length || host[^(suffix.Length + 1)] == '.'))
                return true;
        }

        return false;
    }

    /// <inheritdoc/>
    public Uri? GetProxy(Uri destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        return destination.Scheme != "http" || IsBypassed(destination) ? null : _bare;
    }

    /// <inheritdoc/>
    public bool IsBypassed(Uri host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return Bypasses(host.IdnHost.Trim('[', ']'));
    }
}

/// <summary>The address of an HTTP proxy, or nothing.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ProxyAddressAttribute : ValidationAttribute
{
    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) =>
        value is string { Length: > 0 } text && GitProxy.TryParse(text, out _, out _) is { } problem
            ? new ValidationResult(problem, [validationContext.MemberName!])
            : ValidationResult.Success;
}
