using Ampora.Hosting.Http;
using Ampora.Hosting.Settings;

namespace Ampora.Gateway.Front;

/// <summary>The settings of the front door, read once.</summary>
/// <param name="Prefix">The path prefix; empty for none.</param>
/// <param name="Trusted">The proxies whose word counts.</param>
/// <param name="WebhooksOverHttp">Whether webhooks may come over plain HTTP.</param>
/// <param name="Certificate">The certificate's file; null: no TLS here.</param>
/// <param name="CertificateKey">The key's file.</param>
/// <param name="HttpsPort">Where TLS is served.</param>
internal sealed record FrontRules(PathString Prefix, Networks Trusted, bool WebhooksOverHttp, string? Certificate, string? CertificateKey, int HttpsPort)
{
    // A prefix that is also a path of the API could not be told from it where the ingress in front strips it.
    private static readonly string[] OwnPaths = ["/api", "/healthz", "/openapi"];

    public bool Tls => Certificate is not null;

    public static FrontRules Read(WebApplicationBuilder builder)
    {
        var gateway = builder.Configuration.GetSection("Ampora:Gateway");
        if (!Networks.TryParse(gateway["TrustedProxies"], out var trusted, out var bad))
        {
            builder.AddSettingsProblem($"Ampora__Gateway__TrustedProxies: {bad} is no network; it should be a list of the proxies in front, like 10.0.0.0/8, fd00::/8.");
            trusted = Networks.None;
        }
        return new FrontRules(
            ReadPrefix(builder, gateway["PathPrefix"]), trusted, OverHttp(builder), NotEmpty(gateway["Certificate"]), NotEmpty(gateway["CertificateKey"]),
            // One that is no port is reported by the check of the settings, which comes after the listeners are made.
            ushort.TryParse(gateway["HttpsPort"], out var port) && port > 0 ? port : new GatewaySettings().HttpsPort);
    }

    private static PathString ReadPrefix(WebApplicationBuilder builder, string? prefix)
    {
        if (string.IsNullOrEmpty(prefix) || prefix[0] != '/')
            return PathString.Empty;
        var path = new PathString(prefix);
        if (Array.Exists(OwnPaths, own => path.StartsWithSegments(own)))
            builder.AddSettingsProblem($"Ampora__Gateway__PathPrefix: {prefix} begins like Ampora's own paths; choose another, such as /ampora.");
        return path;
    }

    private static bool OverHttp(WebApplicationBuilder builder)
    {
        var development = builder.Environment.IsDevelopment();
        if (!bool.TryParse(builder.Configuration["Ampora:Webhooks:AllowHttp"], out var allowed))
            return development;
        if (allowed && builder.Environment.IsProduction())
        {
            builder.AddSettingsProblem(
                "Ampora__Webhooks__AllowHttp is true, but the environment is Production: webhooks carry their token, so give them TLS "
                + "(Ampora__Gateway__Certificate, or a proxy in front named in Ampora__Gateway__TrustedProxies), or set ASPNETCORE_ENVIRONMENT=Development for a trial on loopback.");
        }
        return allowed;
    }

    private static string? NotEmpty(string? value) => string.IsNullOrEmpty(value) ? null : value;
}
