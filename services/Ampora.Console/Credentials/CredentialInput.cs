using System.Text.RegularExpressions;
using Ampora.Console.Http;
using Ampora.Git;
using Ampora.Git.Credentials;

namespace Ampora.Console.Credentials;

/// <summary>Reads a Git credential from JSON. What is wrong with it is told without repeating any of it.</summary>
internal static partial class CredentialInput
{
    /// <summary>The code of a credential that cannot be used with the URL.</summary>
    public const string Unsupported = "unsupported_credential";

    /// <summary>An RSA key of 16384 bits has 13,000 characters.</summary>
    public const int MaxKeyLength = 16 * 1024;

    // Access tokens of Git hosts have up to some hundred characters, JSON Web Tokens a few thousand.
    private const int MaxSecretLength = 8192;
    private const int MaxUsernameLength = 255;

    // GitHub's ids have up to nine digits so far.
    private const int MaxIdLength = 20;

    /// <summary>Reads it; null when something is wrong with it.</summary>
    /// <param name="fields">The credential's members.</param>
    public static GitCredential? Read(JsonFields fields)
    {
        const int longestType = 64;
        GitCredential? credential = fields.RequiredText("type", longestType) switch
        {
            null => null,
            "none" => new GitCredential.None(),
            "basic" => ReadBasic(fields),
            "bearer" => ReadBearer(fields),
            "ssh" => SshCredentialInput.Read(fields),
            "githubApp" => ReadGitHubApp(fields),
            _ => Refuse(fields),
        };
        var ca = fields.Lines("ca", CertificateAuthorities.MaxLength);
        if (ca is not null && CertificateAuthorities.FindProblem(ca) is { } problem)
            fields.Fail("ca", problem);
        if (credential is GitCredential.None && !fields.Has("ca"))
            fields.Fail("ca", "It is required: type \"none\" is for a public repository whose host has a certificate authority of its own. Without one, leave the credential out.");
        fields.RefuseUnknown();
        return credential is null ? null : credential with { Ca = ca };
    }

    /// <summary>Says when a credential cannot be used with a URL.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="type">The credential's type; null for none.</param>
    /// <param name="hasCa">Whether certificate authorities come with it.</param>
    /// <returns>Null, or what is wrong.</returns>
    public static string? FindProblem(GitUrl url, string? type, bool hasCa)
    {
        if (url.IsSsh && type is null)
            return "An SSH address needs a credential of type \"ssh\": privateKey and knownHosts. Without a key, give the https URL.";
        if (url.IsSsh && type != "ssh")
            return "With an SSH address the credential should be of type \"ssh\"; for this one, give the https URL.";
        if (!url.IsSsh && type == "ssh")
            return "A credential of type \"ssh\" needs an SSH address, such as git@git.example.com:team/fleet.git; for an https URL give \"basic\", \"bearer\" or \"githubApp\".";
        return hasCa && url.Uri.Scheme != "https" ? "Certificate authorities (ca) need an https URL: nothing else has a certificate." : null;
    }

    private static GitCredential? Refuse(JsonFields fields)
    {
        fields.Fail("type", "It should be \"basic\", \"bearer\", \"ssh\", \"githubApp\", or \"none\" with ca alone.", Unsupported);
        return null;
    }

    private static GitCredential.Basic? ReadBasic(JsonFields fields)
    {
        var username = fields.RequiredText("username", MaxUsernameLength);
        var password = fields.RequiredText("password", MaxSecretLength);
        if (username?.Contains(':', StringComparison.Ordinal) == true)
            fields.Fail("username", "It should have no colon (RFC 7617).");
        if (password is "")
            fields.Fail("password", "It should not be empty; for a public repository leave the credential out.");
        return username is null || password is null ? null : new GitCredential.Basic(username, password);
    }

    private static GitCredential.Bearer? ReadBearer(JsonFields fields)
    {
        var token = fields.RequiredText("token", MaxSecretLength);
        if (token is not null && !Token68().IsMatch(token))
            fields.Fail("token", "It should be letters, digits and any of - . _ ~ + / with = only at the end (RFC 6750).");
        return token is null ? null : new GitCredential.Bearer(token);
    }

    private static GitCredential.GitHubApp? ReadGitHubApp(JsonFields fields)
    {
        var app = fields.RequiredTextOrNumber("appId", MaxIdLength);
        if (app is not null && !AppId().IsMatch(app))
            fields.Fail("appId", "It should be the number \"App ID\" of the app's settings page, or its client ID, which begins with Iv.");
        var installation = fields.RequiredTextOrNumber("installationId", MaxIdLength);
        if (installation is not null && !Number().IsMatch(installation))
            fields.Fail("installationId", "It should be the number at the end of the installation's address, github.com/settings/installations/NUMBER.");
        var key = fields.RequiredLines("privateKey", MaxKeyLength);
        if (key is not null && AppAssertion.FindKeyProblem(key) is { } problem)
            fields.Fail("privateKey", problem);
        return app is null || installation is null || key is null ? null : new GitCredential.GitHubApp(app, installation, key);
    }

    [GeneratedRegex(@"\A[A-Za-z0-9._~+/-]+=*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Token68();

    [GeneratedRegex(@"\A([1-9][0-9]*|Iv[A-Za-z0-9.]+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex AppId();

    [GeneratedRegex(@"\A[1-9][0-9]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
