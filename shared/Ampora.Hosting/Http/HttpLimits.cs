using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Ampora.Hosting.Http;

/// <summary>What every listener refuses, and why so much is allowed.</summary>
public static class HttpLimits
{
    /// <summary>Git hosts cap a delivery at 25 MB (GitHub, GitLab); a little more, so that a full one fits. Larger: 413.</summary>
    public const long MaxRequestBodyBytes = 26L * 1024 * 1024;

    /// <summary>The largest honest set of headers (cookies, a proxy's additions) is a few KiB. Larger: 431.</summary>
    public const int MaxRequestHeadersTotalBytes = 32 * 1024;

    /// <summary>A path and query; the longest of the API is a file's path in a snapshot. Longer: 414.</summary>
    public const int MaxRequestLineBytes = 8 * 1024;

    /// <summary>More than one service is ever asked to hold at once; beyond, a connection is refused instead of the memory growing.</summary>
    public const long MaxConcurrentConnections = 20_000;

    /// <summary>
    /// What is read ahead of each connection before somebody takes it. Kestrel's 1 MiB makes a hundred eager senders a hundred MiB; a network's round trip needs
    /// less, and the system's own buffers come on top.
    /// </summary>
    public const int MaxRequestBufferBytes = 32 * 1024;

    // A sender that needs longer for its headers is no Git host.
    private static readonly TimeSpan RequestHeadersTimeout = TimeSpan.FromSeconds(15);

    // Kestrel's default: 240 bytes a second after 5 s. Slower: 408, so a drip does not hold a connection for ever.
    private static readonly MinDataRate BodyRate = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));

    internal static void Apply(KestrelServerOptions kestrel)
    {
        // A line that ends in a bare line feed is one line to some servers and two to others.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = MaxRequestBodyBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = MaxRequestHeadersTotalBytes;
        kestrel.Limits.MaxRequestLineSize = MaxRequestLineBytes;
        kestrel.Limits.MaxConcurrentConnections = MaxConcurrentConnections;
        kestrel.Limits.MaxRequestBufferSize = MaxRequestBufferBytes;
        kestrel.Limits.RequestHeadersTimeout = RequestHeadersTimeout;
        kestrel.Limits.MinRequestBodyDataRate = BodyRate;
    }
}
