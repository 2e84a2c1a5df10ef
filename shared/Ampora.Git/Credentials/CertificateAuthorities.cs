using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Ampora.Git.Credentials;

/// <summary>Reads the certificates of authorities that a credential brings.</summary>
public static class CertificateAuthorities
{
    /// <summary>A root and its intermediates, several times over; a bundle of everybody's has a hundred times more, and belongs into the system.</summary>
    public const int MaxLength = 64 * 1024;

    /// <summary>Checks certificates.</summary>
    /// <param name="pem">One or more, PEM.</param>
    /// <returns>Null, or what is wrong and what it should be.</returns>
    public static string? FindProblem(string pem)
    {
        ArgumentNullException.ThrowIfNull(pem);
        if (pem.Length > MaxLength)
            return $"It is longer than {MaxLength} characters; give the authority of this host alone.";
        if (pem.Contains("PRIVATE KEY", StringComparison.Ordinal))
            return "It holds a private key, which no client needs; give the authority's certificate alone.";
        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(pem);
            return certificates.Count == 0 ? "It holds no certificate; give PEM, which begins with -----BEGIN CERTIFICATE-----." : null;
        }
        catch (CryptographicException)
        {
            return "A certificate in it cannot be read; give PEM, which begins with -----BEGIN CERTIFICATE-----.";
        }
    }

    internal static X509Certificate2Collection Read(string pem)
    {
        if (FindProblem(pem) is { } problem)
            throw new GitException("tls_failed", $"The credential's ca is not usable. {problem}", "Give the credential again with a ca that can be read.");
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(pem);
        return certificates;
    }

    internal static string Digest(string pem) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(pem)));
}
