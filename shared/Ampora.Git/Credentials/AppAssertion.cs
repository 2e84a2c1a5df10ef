using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Ampora.Git.Credentials;

/// <summary>
/// What a GitHub App signs to show who it is: a JSON Web Token, RS256
/// (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app).
/// </summary>
public static class AppAssertion
{
    // An RSA key of 16,384 bits has 13,000 characters; GitHub's have 2,048 bits.
    private const int MaxKeyLength = 16 * 1024;

    private const int MinKeyBits = 2048;

    // Begun a minute ago, as GitHub advises, since no two clocks agree; it takes ten minutes at most.
    private static readonly TimeSpan Back = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Ahead = TimeSpan.FromMinutes(9);

    /// <summary>Checks an app's key.</summary>
    /// <param name="pem">The key, PEM, PKCS#1 or PKCS#8.</param>
    /// <returns>Null, or what is wrong and what it should be; it repeats nothing of the key.</returns>
    public static string? FindKeyProblem(string pem)
    {
        ArgumentNullException.ThrowIfNull(pem);
        if (pem.Length > MaxKeyLength)
            return $"It is longer than {MaxKeyLength} characters; give the app's private key alone.";
        try
        {
            using var key = Read(pem);
            return key.KeySize < MinKeyBits ? $"It is an RSA key of less than {MinKeyBits} bits." : null;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return "It is no RSA private key in PEM; give the file as GitHub made it, which begins with -----BEGIN RSA PRIVATE KEY-----, without a passphrase.";
        }
    }

    internal static string Sign(GitCredential.GitHubApp app, DateTimeOffset now)
    {
        if (FindKeyProblem(app.PrivateKey) is { } problem)
            throw new GitException("key_unreadable", $"The GitHub App's private key is not usable. {problem}", "Make a new key in the app's settings at GitHub and give the credential again.");
        var payload = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["iat"] = (now - Back).ToUnixTimeSeconds(),
            ["exp"] = (now + Ahead).ToUnixTimeSeconds(),
            ["iss"] = app.AppId,
        });
        var signed = $"{Base64Url.EncodeToString("""{"alg":"RS256","typ":"JWT"}"""u8)}.{Base64Url.EncodeToString(payload)}";
        using var key = Read(app.PrivateKey);
        return $"{signed}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    private static RSA Read(string pem)
    {
        var key = RSA.Create();
        try
        {
            key.ImportFromPem(pem);
            // A public key can be read as well, but signs nothing.
            _ = key.ExportParameters(includePrivateParameters: true);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }
}
