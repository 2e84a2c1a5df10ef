using System.Security.Cryptography;
using Ampora.Database;
using Ampora.Git;
using Ampora.Git.Credentials;
using Ampora.Store;
using Ampora.Store.Secrets;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Sweeper;

/// <summary>Reads what a check needs of its source, in the version of the settings that the claim is for.</summary>
internal sealed class SourceSettings(Database<StoreContext> database, SecretCipher cipher)
{
    /// <summary>Loads a claimed source.</summary>
    /// <exception cref="GitException">It cannot be checked as it is set.</exception>
    public async Task<CheckedSource> LoadAsync(Claim claim, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        // One statement, so one state of the database: the credential is that of the same version as the URL.
        var row = await context.Sources.AsNoTracking()
            .Where(s => s.Id == claim.SourceId && s.Uid == claim.SourceUid && s.Wakeup!.Config == claim.Config)
            .Select(s => new { s.Credential, s.Wakeup!.TipConfig })
            .SingleOrDefaultAsync(cancellationToken)
            // The fence was raised with the settings, so this is never committed; the new settings have a check of their own.
            ?? throw new GitException("settings_changed", "The source's settings changed while it was checked.", "Nothing to do: it is checked again.");

        if (GitUrl.TryParse(claim.Url, out var url) is { } problem)
            throw new GitException("invalid_url", $"The source's URL is not usable: {problem}", "Correct the URL of the source.");
        return new CheckedSource(new GitRemote(url!, row.Credential is null ? null : Decrypt(claim, url!, row.Credential)), row.TipConfig);
    }

    private GitCredential Decrypt(Claim claim, GitUrl url, Store.Model.Credential credential)
    {
        // The Console refuses such a change; a row that was changed past it must not leak the credential either.
        if (credential.Authority != url.Authority)
        {
            throw new GitException(
                "credential_host_mismatch",
                $"The stored credential was given for {credential.Authority} and is not sent to {url.Authority}.",
                "Give the credential again together with the URL.");
        }

        try
        {
            return StoredCredential.Decrypt(cipher, claim.SourceId, credential.Encrypted);
        }
        catch (CryptographicException e)
        {
            throw new GitException(
                "credential_unreadable",
                "The stored credential cannot be decrypted.",
                "Start the services with the AMPORA_MASTER_KEY (or AMPORA_MASTER_KEY_PREVIOUS) that it was stored under, or give the credential again.",
                e);
        }
    }
}

/// <summary>A source as one check sees it.</summary>
/// <param name="Remote">The repository, and what to show its host.</param>
/// <param name="TipConfig">The version of the settings under which the known tip was stored; null before the first.</param>
internal sealed record CheckedSource(GitRemote Remote, long? TipConfig);
