using System.ComponentModel.DataAnnotations;

namespace Ampora.Gateway;

/// <summary>The public port: <c>Ampora__Gateway__…</c>.</summary>
internal sealed class GatewaySettings
{
    /// <summary>Where the ingress is: addresses such as <c>http://ingress:8080</c>, separated by commas. A name with several addresses is several replicas.</summary>
    public string? Ingress { get; set; }

    /// <summary>Where the console is, likewise.</summary>
    public string? Console { get; set; }

    /// <summary>The path under which an ingress in front publishes Ampora, whether that ingress strips it or keeps it: <c>/ampora</c>.</summary>
    [RegularExpression(@"(/[A-Za-z0-9._~-]+)*", ErrorMessage = "it should be a path such as /ampora, without a slash at the end.")]
    public string PathPrefix { get; set; } = "";

    /// <summary>CIDRs of the proxies in front whose <c>X-Forwarded-*</c> headers count. By default nobody's do.</summary>
    public string? TrustedProxies { get; set; }

    /// <summary>A PEM file with the certificate and its chain; with it HTTPS is served. Read again when it changes.</summary>
    public string? Certificate { get; set; }

    /// <summary>A PEM file with the certificate's key.</summary>
    public string? CertificateKey { get; set; }

    /// <summary>Where HTTPS is served when there is a certificate.</summary>
    [Range(1, 65535, ErrorMessage = "it should be a port from 1 to 65535.")]
    public int HttpsPort { get; set; } = 8443;
}

/// <summary>What the gateway needs of <c>Ampora__Webhooks__…</c>.</summary>
internal sealed class WebhookSettings
{
    /// <summary>Whether webhooks may come over plain HTTP, which shows their token to everybody on the way. Null: in Development only.</summary>
    public bool? AllowHttp { get; set; }
}
