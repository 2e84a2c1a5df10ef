using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Ampora.Git.Protocol;

namespace Ampora.Git.Http;

/// <summary>Turns what a Git host answers, or fails to, into words that help.</summary>
internal static class HostFailure
{
    /// <summary>Why an answer is no success; null when it is one, or a redirect.</summary>
    public static GitException? Of(HttpResponseMessage response, GitRemote remote, TimeProvider time)
    {
        var status = (int)response.StatusCode;
        // Azure DevOps shows its sign-in page with 203 to whom it does not know.
        if (status is >= 200 and < 400 and not 203)
            return null;
        var host = remote.Url.HostAndPort;
        var retryAfter = RateHeaders.Find(response, time);
        return status switch
        {
            203 => new GitException("auth_failed", $"203 from {host}, with a page to sign in", !remote.HasLogin
                ? "The repository is private: give a credential that may read it."
                : "The credential is wrong or has expired: give a new one."),
            401 => new GitException("auth_failed", $"401 from {host}", !remote.HasLogin
                ? "The repository is private or does not exist: give a credential that may read it, or correct the URL."
                : "The repository is private and the credential is wrong or has expired: give a new one."),
            403 when retryAfter is not null || RateHeaders.IsUsedUp(response) => RateLimited(),
            403 => new GitException("auth_failed", $"403 from {host}", !remote.HasLogin
                ? "The host refuses anonymous access: give a credential that may read the repository."
                : "The host knows the credential but does not let it read this repository: give it that right, or another credential."),
            404 or 410 => new GitException("not_found", $"{status} from {host}: there is no repository at this URL", !remote.HasLogin
                ? "Correct the URL; if the repository is private, give a credential, since hosts hide private repositories."
                : "Correct the URL, or give the credential the right to read the repository, since hosts hide private repositories."),
            429 => RateLimited(),
            _ => new GitException(
                "host_error",
                $"{status} from {host}",
                status >= 500 ? "The Git host has a fault of its own; it is asked again later." : "The host refuses the request; check the URL.")
            {
                RetryAfter = retryAfter,
            },
        };

        GitException RateLimited() => new("rate_limited", $"{status} from {host}: too many requests", "It is asked again when the host allows; poll it less often or use webhooks.")
        {
            RetryAfter = retryAfter,
        };
    }

    /// <summary>Why a request got no answer at all; null when it is no failure of the host, such as a cancellation.</summary>
    public static GitException? Of(Exception error, GitRemote remote)
    {
        for (var e = error; e is not null; e = e.InnerException)
        {
            if (e is GitException known)
                return known;
        }

        var host = remote.Url.HostAndPort;
        return error switch
        {
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => Unreachable($"The name of {host} cannot be resolved."),
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => Untrusted(error, remote),
            HttpRequestException { InnerException: SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData } } =>
                Unreachable($"The name of {host} cannot be resolved."),
            HttpRequestException { InnerException: SocketException socket } => Unreachable($"No connection to {host}: {Reason(socket.SocketErrorCode)}."),
            HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } =>
                PacketReader.Broken("headers that are longer than any Git host's"),
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => Unreachable($"No connection to {host}."),
            HttpRequestException or IOException => Unreachable($"{host} ended the connection in the middle of an answer."),
            // The connect deadline, which the handler reports as a cancellation of its own.
            OperationCanceledException { InnerException: TimeoutException } => Unreachable($"No connection to {host}: it did not answer in time."),
            _ => null,
        };

        GitException Unreachable(string detail) => new("unreachable", detail, "Check the URL, and that the Git host runs and can be reached from here.", error);
    }

    // The runtime tells what was wrong with a certificate only in words, of its own enumerations.
    private static GitException Untrusted(Exception error, GitRemote remote)
    {
        var said = Readable.Line((error.InnerException ?? error).Message);
        var name = remote.Url.Uri.Host;
        var (what, remedy) = said switch
        {
            _ when said.Contains(nameof(SslPolicyErrors.RemoteCertificateNameMismatch), StringComparison.Ordinal) =>
                ($"its certificate is not for {name}", "Use the name in the URL that the certificate is for, or have one made for this name."),
            _ when said.Contains(nameof(X509ChainStatusFlags.NotTimeValid), StringComparison.Ordinal) =>
                ("its certificate, or one that vouches for it, has expired or is not valid yet", "Have the certificate renewed; check this machine's clock."),
            _ when said.Contains(nameof(X509ChainStatusFlags.PartialChain), StringComparison.Ordinal)
                || said.Contains(nameof(X509ChainStatusFlags.UntrustedRoot), StringComparison.Ordinal) => remote.Credential?.Ca is null
                ? ("nobody that this system trusts vouches for its certificate", "If the host has an authority of its own, give that authority's certificate as the credential's ca.")
                : ("the credential's ca does not vouch for its certificate", "Give the certificate of the authority that made the host's, with those between if the host does not send them; the system's authorities do not count beside a ca."),
            _ => (said, "Check the host's certificate (its name, its date, its issuer), or the URL."),
        };
        return new GitException("tls_failed", $"No secure connection to {remote.Url.HostAndPort}: {what}", remedy, error);
    }

    /// <summary>Where a redirect leads, when that is not followed.</summary>
    public static GitException Moved(GitRemote remote, Uri? to)
    {
        var suggestion = to is null ? null : WithoutSecrets(to);
        return suggestion is null || !suggestion.EndsWith(Discovery.Suffix, StringComparison.Ordinal)
            ? new GitException(
                "moved",
                $"{remote.Url.HostAndPort} redirects to {(to is null ? "nowhere" : to.IdnHost)}, which is no repository",
                "That is often a sign-in page: give a credential, or correct the URL.")
            : new GitException(
                "moved",
                $"The repository has moved to {suggestion[..^Discovery.Suffix.Length]}",
                $"Change the source's URL to {suggestion[..^Discovery.Suffix.Length]}. It is not followed by itself, since a credential would go with it.");
    }

    private static string? WithoutSecrets(Uri uri) => uri.Scheme is "http" or "https" && uri.AbsoluteUri.Length <= GitUrl.MaxLength
        ? $"{uri.Scheme}://{uri.IdnHost}{(uri.IsDefaultPort ? "" : ":" + uri.Port.ToString(CultureInfo.InvariantCulture))}{uri.AbsolutePath}"
        : null;

    private static string Reason(SocketError error) => error switch
    {
        SocketError.ConnectionRefused => "nothing listens there",
        SocketError.TimedOut => "it did not answer in time",
        SocketError.HostUnreachable or SocketError.NetworkUnreachable => "there is no way to its network",
        SocketError.ConnectionReset => "it closed the connection",
        _ => error.ToString(),
    };
}
