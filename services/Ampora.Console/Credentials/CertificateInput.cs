using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ampora.Console.Http;

namespace Ampora.Console.Credentials;

/// <summary>Reads certificates of authorities in PEM form.</summary>
internal static class CertificateInput
{
    // A chain has two or three; a bundle of the whole Internet's authorities, which is the system's business, has 150.
    private const int MaxCertificates = 50;
    private const int MaxLength = 256 * 1024;

    /// <summary>Reads them; null when they are absent, null or bad.</summary>
    public static string? Read(JsonFields fields, string name)
    {
        if (fields.Lines(name, MaxLength) is not { } pem)
            return null;
        if (FindProblem(pem) is not { } problem)
            return pem;
        fields.Fail(name, problem);
        return null;
    }

    private static string? FindProblem(string pem)
    {
        const string expected = "It should be certificates in PEM form, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.";
        if (pem.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
            return "It contains a private key, which must not be here: give the authority's certificate alone.";
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(pem);
            if (certificates.Count == 0)
                return expected;
            return certificates.Count > MaxCertificates ? $"It has more than {MaxCertificates} certificates; give those that the one host needs." : null;
        }
        catch (CryptographicException)
        {
            return expected;
        }
        finally
        {
            foreach (var certificate in certificates)
                certificate.Dispose();
        }
    }
}
