using System.Security.Cryptography;
using Ampora.Database;
using Ampora.Git;
using Ampora.Git.Credentials;
using Ampora.Git.Filtering;
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
            .Select(s => new { s.Credential, s.Include, s.Exclude, s.AllowedSigners })
            .SingleOrDefaultAsync(cancellationToken)
            // The fence was raised with the settings, so this is never committed; the new settings have a check of their own.
            ?? throw new GitException("settings_changed", "The source's settings changed while it was checked.", "Nothing to do: it is checked again.");

        if (GitUrl.TryParse(claim.Url, out var url) is { } problem)
            throw new GitException("invalid_url", $"The source's URL is not usable: {problem}", "Correct the URL of the source.");
        if (PathFilter.TryParse(row.Include, row.Exclude, out var filter) is { } inFilter)
            throw new GitException("invalid_filter", $"The source's path filter is not usable: {inFilter}", "Correct include and exclude of the source.");
        return new CheckedSource(new GitRemote(url!, row.Credential is null ? null : Decrypt(claim, url!, row.Credential)), filter!, row.AllowedSigners);
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
/// <param name="Filter">Which paths count.</param>
/// <param name="AllowedSigners">Whose signatures the tip has to have; null where none is needed.</param>
internal sealed record CheckedSource(GitRemote Remote, PathFilter Filter, string? AllowedSigners);
