using System.Security.Cryptography;
using Ampora.Console.Access;
using Ampora.Console.Announcing;
using Ampora.Console.Credentials;
using Ampora.Console.Http;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Git;
using Ampora.Git.Credentials;
using Ampora.Store;
using Ampora.Store.Secrets;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Ampora.Console.SourceTests;

/// <summary>
/// Tries URL, ref and credential as a check of a source would, and says what is wrong. Nothing is kept but the audit log's entry that it was done.
/// </summary>
internal sealed class SourceTester(
    TipProbe probe, AddressPolicy addresses, SecretCipher cipher, Database<StoreContext> database, Announcer announcer, IOptions<GitLimits> limits)
    : IDisposable
{
    // A person tries one at a time, and each may hold a connection for as long as a host takes.
    private const int AtOnce = 8;

    private readonly SemaphoreSlim _places = new(AtOnce);

    /// <summary>Runs a test.</summary>
    /// <exception cref="RequestRefusedException">Too many run, the caller may not see the source, or its credential is not for this URL.</exception>
    public async Task<SourceTestView> RunAsync(Caller caller, SourceTestInput input, CancellationToken cancellationToken)
    {
        if (!await _places.WaitAsync(TimeSpan.Zero, cancellationToken))
        {
            throw new RequestRefusedException(503, "too_many_source_tests", "Too many source tests", $"{AtOnce} tests run already; try again in a moment.")
            {
                RetryAfter = limits.Value.TipDeadline,
            };
        }

        try
        {
            var stored = input.SourceId is null ? null : await ReadSourceAsync(caller, input.SourceId, cancellationToken);
            var url = input.Url ?? stored!.Url;
            var refName = input.Ref ?? stored?.Ref ?? "HEAD";
            var view = await TryAsync(input, stored, url, refName, cancellationToken);
            await RecordAsync(caller, input.SourceId, view, refName, cancellationToken);
            return view;
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose() => _places.Dispose();

    private async Task<SourceTestView> TryAsync(SourceTestInput input, StoredSource? stored, string text, string refName, CancellationToken cancellationToken)
    {
        if (GitUrl.TryParse(text, out var url) is { } urlProblem)
            return SourceTestReport.Of((GitRemote?)null, new RunError("invalid_url", urlProblem, "Correct the URL."));
        GitRemote remote;
        try
        {
            remote = new GitRemote(url!, input.KeepsCredential ? CredentialOf(stored, url!) : input.Credential);
        }
        catch (CryptographicException)
        {
            return SourceTestReport.Of(
                new GitRemote(url!, null),
                new RunError("credential_unreadable", "The stored credential cannot be decrypted.", "Start Ampora with the AMPORA_MASTER_KEY that it was stored under, or give the credential."));
        }

        if (addresses.FindProblem(url!) is { } addressProblem)
            return SourceTestReport.Of(remote, new RunError("address_denied", addressProblem, "Give the Git host's public address, or allow its network."));
        if (GitRef.FindProblem(refName) is { } refProblem)
            return SourceTestReport.Of(remote, new RunError("invalid_ref", refProblem, "Correct the ref."));
        var type = remote.Credential is null ? null : CredentialChange.Set.Of(remote.Credential).Type;
        if (CredentialInput.FindProblem(url!, type, remote.Credential?.Ca is not null) is { } credentialProblem)
            return SourceTestReport.Of(remote, new RunError("credential_unsupported", credentialProblem, "Give the credential or the URL that goes with the other."));
        try
        {
            return SourceTestReport.Of(remote, await probe.RunAsync(remote, refName, cancellationToken));
        }
        catch (GitException e)
        {
            return SourceTestReport.Of(remote, new RunError(e.Code, e.Message, e.Remedy));
        }
    }

    private GitCredential? CredentialOf(StoredSource? stored, GitUrl url)
    {
        if (stored?.Credential is not { } credential)
            return null;
        // The same rule as for a change of the source: what was given for one host is shown to no other.
        return credential.Authority == url.Authority
            ? StoredCredential.Decrypt(cipher, credential.SourceId, credential.Encrypted)
            : throw new RequestRefusedException(422, CredentialChange.RequiredCode, "Credential required", CredentialChange.Required(credential.Authority))
            {
                Errors = new Dictionary<string, string[]> { ["credential"] = [CredentialChange.Required(credential.Authority)] },
            };
    }

    private async Task<StoredSource> ReadSourceAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        await caller.RequireSourceAsync(context, id, cancellationToken);
        return await context.Sources.AsNoTracking().Where(s => s.Id == id)
            .Select(s => new StoredSource(s.Url, s.Ref, s.Credential))
            .SingleOrDefaultAsync(cancellationToken) ?? throw RequestRefusedException.NoSource(id);
    }

    private async Task RecordAsync(Caller caller, string? sourceId, SourceTestView view, string refName, CancellationToken cancellationToken)
    {
        // A URL that cannot be read may have a password in it.
        var detail = new Dictionary<string, string> { ["url"] = view.Url ?? "", ["ref"] = refName, ["result"] = view.Error?.Code ?? "ok" };
        var message = await database.WriteAsync(
            async (context, stop) =>
            {
                var recorded = await StoreJournal.AddAuditAsync(
                    context,
                    new AuditRecorded
                    {
                        OccurredAt = database.Time.GetUtcNow(),
                        Actor = caller.Actor,
                        Action = "source.tested",
                        Subject = sourceId is null ? "source-tests" : $"source:{sourceId}",
                        RemoteIp = caller.RemoteIp,
                        Detail = detail,
                    },
                    stop);
                await context.SaveChangesAsync(stop);
                return recorded;
            },
            cancellationToken);
        announcer.Announce(null, message);
    }

    private sealed record StoredSource(string Url, string Ref, Store.Model.Credential? Credential);
}
