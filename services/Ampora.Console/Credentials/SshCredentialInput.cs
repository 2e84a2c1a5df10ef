using Ampora.Console.Http;
using Ampora.Git;
using Ampora.Git.Credentials;
using Ampora.Git.Ssh;

namespace Ampora.Console.Credentials;

/// <summary>Reads an SSH key and the host keys that go with it.</summary>
internal static class SshCredentialInput
{
    // OpenSSH takes up to 1023 characters.
    private const int MaxPassphraseLength = 1000;

    /// <summary>Reads them; null when something is missing or wrong, which is noted.</summary>
    public static GitCredential.Ssh? Read(JsonFields fields)
    {
        var key = fields.RequiredLines("privateKey", CredentialInput.MaxKeyLength);
        var passphrase = fields.Text("passphrase", MaxPassphraseLength);
        var knownHosts = fields.RequiredLines("knownHosts", KnownHosts.MaxLength);
        if (key is null || knownHosts is null)
            return null;
        var isGood = true;
        if (SshPrivateKey.TryRead(key, out var form) is { } problem)
            Fail("privateKey", problem);
        else if (form!.IsEncrypted && string.IsNullOrEmpty(passphrase))
            Fail("passphrase", "It is required: the private key is encrypted.");
        if (KnownHosts.FindProblem(knownHosts) is { } unknown)
            Fail("knownHosts", unknown);
        return isGood ? new GitCredential.Ssh(key, string.IsNullOrEmpty(passphrase) ? null : passphrase, knownHosts) : null;

        void Fail(string name, string what)
        {
            fields.Fail(name, what);
            isGood = false;
        }
    }

    /// <summary>Says when no key of a URL's host is among the host keys: every connection would be refused.</summary>
    /// <returns>Null, or what is wrong.</returns>
    public static string? FindProblem(GitCredential.Ssh credential, GitUrl url)
    {
        var name = KnownHosts.NameOf(url);
        return KnownHosts.LinesFor(credential.KnownHosts, name).Length > 0
            ? null
            : $"No line is for {name}: give the host's lines, as the Git host publishes them or ssh-keyscan prints them.";
    }
}
