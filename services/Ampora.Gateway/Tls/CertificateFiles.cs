using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ampora.Gateway.Front;
using Ampora.Hosting.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Ampora.Gateway.Tls;

/// <summary>
/// The certificate from its files. They are looked at every few seconds, since volumes that a cluster mounts change without a word; new
/// handshakes take the new one, and one that cannot be read leaves the old in place.
/// </summary>
internal sealed partial class CertificateFiles(string certificate, string key, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private byte[] _read = [];
    private ILogger _logger = null!;

    public SslStreamCertificateContext Current { get; private set; } = null!;

    /// <summary>Set before it starts: the files are read first while there is no container yet.</summary>
    public CertificateFiles With(ILogger logger)
    {
        _logger = logger;
        return this;
    }

    /// <summary>Reads the files if they changed.</summary>
    /// <returns>Whether they had.</returns>
    public bool Read()
    {
        var certificatePem = File.ReadAllText(certificate);
        var keyPem = File.ReadAllText(key);
        var read = SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(certificatePem + keyPem));
        if (read.AsSpan().SequenceEqual(_read))
            return false;
        var leaf = X509Certificate2.CreateFromPem(certificatePem, keyPem);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificatePem);
        // Offline: a handshake must not wait for somebody else's server.
        Current = SslStreamCertificateContext.Create(leaf, chain, offline: true);
        _read = read;
        return true;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    if (Read())
                        Log.Changed(_logger, certificate, Current.TargetCertificate.NotAfter);
                }
                catch (Exception e) when (IsUnreadable(e))
                {
                    Log.Unreadable(_logger, certificate, key, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    internal static bool IsUnreadable(Exception e) => e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "The certificate {File} changed; the new one is valid until {NotAfter:u}")]
        public static partial void Changed(ILogger logger, string file, DateTime notAfter);

        [LoggerMessage(LogLevel.Warning, "The certificate {File} with key {Key} cannot be used ({Reason}); the one read before stays")]
        public static partial void Unreadable(ILogger logger, string file, string key, string reason);
    }
}

/// <summary>Serves HTTPS when there is a certificate.</summary>
internal static class CertificateRegistration
{
    public static void AddCertificate(this WebApplicationBuilder builder, FrontRules rules)
    {
        if (rules.Certificate is null && rules.CertificateKey is null)
            return;
        if (rules.Certificate is null || rules.CertificateKey is null)
        {
            builder.AddSettingsProblem("Ampora__Gateway__Certificate and Ampora__Gateway__CertificateKey: one is missing; give the paths of both PEM files, or of none.");
            return;
        }
        var files = new CertificateFiles(rules.Certificate, rules.CertificateKey, TimeProvider.System);
        try
        {
            files.Read();
        }
        catch (Exception e) when (CertificateFiles.IsUnreadable(e))
        {
            builder.AddSettingsProblem($"Ampora__Gateway__Certificate, Ampora__Gateway__CertificateKey: {rules.Certificate} and {rules.CertificateKey} should be readable PEM files of a certificate and its key ({e.GetType().Name}).");
            return;
        }
        builder.Services.AddHostedService(services => files.With(services.GetRequiredService<ILogger<CertificateFiles>>()));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenAnyIP(rules.HttpsPort, listen =>
        {
            listen.Protocols = HttpProtocols.Http1AndHttp2;
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificateContext = files.Current }),
            });
        }));
    }
}
