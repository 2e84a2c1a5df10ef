namespace Ampora.Console.Credentials;

/// <summary>A Git credential as a request gives it, for the API's description.</summary>
internal sealed record CredentialBody
{
    /// <summary>basic, bearer, ssh, githubApp, or none with ca alone.</summary>
    public required string Type { get; init; }

    /// <summary>For basic.</summary>
    public string? Username { get; init; }

    /// <summary>For basic: the password or an access token.</summary>
    public string? Password { get; init; }

    /// <summary>For bearer.</summary>
    public string? Token { get; init; }

    /// <summary>For ssh, as ssh-keygen writes it; for githubApp, the PEM file that GitHub gave out.</summary>
    public string? PrivateKey { get; init; }

    /// <summary>For ssh, when the key is encrypted.</summary>
    public string? Passphrase { get; init; }

    /// <summary>For ssh: lines of a known_hosts file for the host.</summary>
    public string? KnownHosts { get; init; }

    /// <summary>For githubApp; a number may be sent as one.</summary>
    public string? AppId { get; init; }

    /// <summary>For githubApp; a number may be sent as one.</summary>
    public string? InstallationId { get; init; }

    /// <summary>Certificates (PEM) of the authorities that vouch for the host, in place of the system's.</summary>
    public string? Ca { get; init; }
}
