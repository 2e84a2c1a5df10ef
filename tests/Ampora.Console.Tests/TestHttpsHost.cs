using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Ampora.Console.Tests;

/// <summary>A web server that is no Git host: it has pages, one of them to sign in, and otherwise nothing. Its certificate is by an authority of its own.</summary>
internal sealed class TestHttpsHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly X509Certificate2 _certificate;

    private TestHttpsHost(WebApplication app, X509Certificate2 certificate, string authority) => (_app, _certificate, Authority) = (app, certificate, authority);

    /// <summary>With a slash at the end.</summary>
    public string Address => _app.Urls.Single() + "/";

    /// <summary>The authority's certificate, PEM.</summary>
    public string Authority { get; }

    public static async Task<TestHttpsHost> StartAsync(bool withTls)
    {
        var (certificate, authority) = Certify();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (withTls)
                listen.UseHttps(certificate);
        }));
        var app = builder.Build();
        app.Run(async context =>
        {
            var path = context.Request.Path.Value!;
            if (path.StartsWith("/signin.git", StringComparison.Ordinal))
                context.Response.Redirect("/users/sign_in");
            else if (path.StartsWith("/page.git", StringComparison.Ordinal))
                await context.Response.WriteAsync("<!doctype html><title>Welcome</title>", context.RequestAborted);
            else
                context.Response.StatusCode = 404;
        });
        await app.StartAsync();
        return new TestHttpsHost(app, certificate, authority);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _certificate.Dispose();
    }

    private static (X509Certificate2 Certificate, string Authority) Certify()
    {
        var now = TimeProvider.System.GetUtcNow();
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest($"CN=Authority {Guid.NewGuid():n}", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(10));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(authority, now.AddHours(-1), now.AddDays(5), [1, 2, 3, 4]);
        using var withKey = signed.CopyWithPrivateKey(key);
        return (X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null), authority.ExportCertificatePem());
    }
}
