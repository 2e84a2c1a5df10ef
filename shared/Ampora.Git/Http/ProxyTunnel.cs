using System.Globalization;
using System.Net;
using System.Text;
using Ampora.Git.Protocol;

namespace Ampora.Git.Http;

/// <summary>A tunnel through an HTTP proxy (RFC 9110, CONNECT), for whatever is encrypted by itself.</summary>
internal static class ProxyTunnel
{
    // Proxies answer with a few lines.
    private const int MaxHeadBytes = 16 * 1024;

    /// <summary>Asks a proxy for a tunnel; the stream is the tunnel then, and closed if there is none.</summary>
    public static async Task<Stream> OpenAsync(GitProxy proxy, Stream stream, DnsEndPoint target, CancellationToken cancellationToken)
    {
        try
        {
            var host = target.Host.Contains(':', StringComparison.Ordinal) && target.Host[0] != '[' ? $"[{target.Host}]" : target.Host;
            var authority = string.Create(CultureInfo.InvariantCulture, $"{host}:{target.Port}");
            var login = proxy.Header is { } header ? $"Proxy-Authorization: {header}\r\n" : "";
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: ampora/{Agent.Version}\r\n{login}\r\n"), cancellationToken);
            var head = await ReadHeadAsync(proxy, stream, cancellationToken);
            var words = head.Split(' ', 3);
            if (words.Length < 2 || !words[0].StartsWith("HTTP/1.", StringComparison.Ordinal) || !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var status))
                throw Failed(proxy, "what answers there is no HTTP proxy");
            return status is >= 200 and < 300 ? stream : throw Refused(proxy, status, authority);
        }
        catch (Exception e)
        {
            await stream.DisposeAsync();
            throw e is IOException ? Failed(proxy, "it closed the connection", e) : e;
        }
    }

    /// <summary>Why a proxy answered instead of the host.</summary>
    public static GitException Refused(GitProxy proxy, int status, string target) => status == 407
        ? new GitException(
            "proxy_failed",
            proxy.Login is null ? $"The proxy {Name(proxy)} wants a login." : $"The proxy {Name(proxy)} does not accept its login.",
            "Set Ampora__Git__Proxy to http://user:password@host:port, special characters percent-encoded.")
        : Failed(proxy, $"it answered {status.ToString(CultureInfo.InvariantCulture)} for {target}");

    /// <summary>What went wrong between here and the proxy.</summary>
    public static GitException Failed(GitProxy proxy, string what, Exception? inner = null) => new(
        "proxy_failed",
        $"The proxy {Name(proxy)} made no connection: {what}.",
        "Check Ampora__Git__Proxy and that the proxy allows the host and its port; Ampora__Git__NoProxy names hosts that are reached without it.",
        inner);

    private static string Name(GitProxy proxy) => string.Create(CultureInfo.InvariantCulture, $"{proxy.EndPoint.Host}:{proxy.EndPoint.Port}");

    // Byte by byte: what follows the head is the host's already, and an SSH server speaks first.
    private static async Task<string> ReadHeadAsync(GitProxy proxy, Stream stream, CancellationToken cancellationToken)
    {
        var head = new byte[MaxHeadBytes];
        for (var length = 0; length < head.Length;)
        {
            if (await stream.ReadAsync(head.AsMemory(length, 1), cancellationToken) == 0)
                throw Failed(proxy, "it closed the connection");
            length++;
            if (head.AsSpan(0, length).EndsWith("\r\n\r\n"u8) || head.AsSpan(0, length).EndsWith("\n\n"u8))
                return Readable.Line(Encoding.Latin1.GetString(head, 0, head.AsSpan(0, length).IndexOfAny("\r\n"u8)));
        }

        throw Failed(proxy, "its answer has no end");
    }
}
