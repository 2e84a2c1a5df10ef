using System.Security.Cryptography;

namespace Ampora.Console.Credentials;

/// <summary>Checks keys in PEM form (RFC 7468), repeating nothing of them.</summary>
internal static class PemInput
{
    /// <summary>An RSA key of 16384 bits has 13,000 characters.</summary>
    public const int MaxKeyLength = 16 * 1024;

    // What GitHub makes, and what is called safe.
    private const int MinRsaBits = 2048;

    /// <summary>Says what is wrong with an RSA key; null when nothing is.</summary>
    public static string? FindRsaProblem(string pem)
    {
        const string expected = "It should be the file ….private-key.pem that GitHub gave out, from -----BEGIN RSA PRIVATE KEY----- to the END line.";
        try
        {
            using var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            // A public key can be read just as well; only a private one has exponents.
            rsa.ExportParameters(includePrivateParameters: true);
            return rsa.KeySize < MinRsaBits ? $"The key has {rsa.KeySize} bits; it should have at least {MinRsaBits}." : null;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return expected;
        }
    }
}
