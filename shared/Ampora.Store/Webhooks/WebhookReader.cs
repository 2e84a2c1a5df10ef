using System.Text;
using Ampora.Database;
using Ampora.Store.Secrets;
using Ampora.Store.Sql;
using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>
/// Reads what webhooks are verified against, for every request anew: after a rotation has returned, no replica may accept the old secret, and a cache cannot
/// promise that. Each call is one round trip; it neither waits for a turn nor tries again.
/// </summary>
public sealed class WebhookReader(Database<StoreContext> database, SecretCipher cipher)
{
    /// <summary>One delivery wakes at most so many sources; their rows are locked together, and their ledgers written in one statement.</summary>
    public const int MaxSources = 5000;

    // The current and the previous one.
    private const int SecretsOfSource = 2;

    // No slug is empty.
    private static readonly SecretPlace Nobody = WebhookSecretStorage.PlaceOf("");

    private readonly byte[] _nobodys = cipher.Encrypt(Nobody, Encoding.UTF8.GetBytes(AccessToken.Generate()));

    /// <summary>Reads one source.</summary>
    /// <param name="sourceId">The slug; it may be anything.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when there is no such source.</returns>
    /// <exception cref="SecretUnreadableException">A secret that may count does not decrypt.</exception>
    public async Task<SourceWebhook?> ReadAsync(string sourceId, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var session = await StoreSession.OpenAsync(context, cancellationToken);
        var found = await session.ReadAsync(WebhookStatements.Source, [("id", sourceId)], StoredSource.Read, cancellationToken);
        var webhook = found is [var stored] ? stored.Open(cipher) : null;
        // As much is decrypted for a source that has nothing encrypted, or does not exist: how long a refusal takes tells neither.
        for (var decrypted = found.Sum(s => s.Encrypted); decrypted < SecretsOfSource; decrypted++)
            _ = WebhookSecretStorage.Open(cipher, Nobody, WebhookMethod.GitHub.Name, null, _nobodys, null);
        return webhook;
    }

    /// <summary>Reads whom a delivery at the shared endpoint may be for; see the other overload.</summary>
    /// <param name="keys">The repository's keys.</param>
    /// <param name="bitbucketServerKeys">Its keys as Bitbucket Server's URLs have them.</param>
    /// <param name="provider">The sender.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<SharedCandidates> FindAsync(
        IReadOnlyList<string> keys, IReadOnlyList<string> bitbucketServerKeys, string provider, CancellationToken cancellationToken) =>
        FindAsync(new DeliveryRepository(keys, bitbucketServerKeys, null), provider, cancellationToken);

    /// <summary>
    /// Reads whom a delivery at the shared endpoint may be for. The sources, with their secrets' versions, are read before the organisations' secrets: a rotation
    /// of one of those raises the version of every source under it, so that whatever is verified against what was read here before it is refused when it asks.
    /// </summary>
    /// <param name="repository">The repository that it names; with none, every secret of the sender is read.</param>
    /// <param name="provider">The sender.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<SharedCandidates> FindAsync(DeliveryRepository repository, string provider, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(repository);
        var sources = new List<StoredSource>();
        var secrets = new List<StoredShared>();
        await using (var context = database.Read())
        {
            var session = await StoreSession.OpenAsync(context, cancellationToken);
            var commands = new List<Command>();
            void Read(Row row) => sources.Add(StoredSource.Read(row));
            if (repository.BitbucketServerName is { } name)
            {
                commands.Add(new(WebhookStatements.SourcesByName, [("name", $"/{name}"), ("limit", MaxSources + 1)], Read));
            }
            else if (!repository.IsNone)
            {
                commands.Add(new(
                    WebhookStatements.Sources,
                    [("keys", repository.Keys.ToArray()), ("bitbucket_server_keys", repository.BitbucketServerKeys.ToArray()), ("limit", MaxSources + 1)],
                    Read));
            }

            commands.Add(new(WebhookStatements.Secrets, [("provider", provider)], row => secrets.Add(StoredShared.Read(row))));
            await session.RunAsync(commands, cancellationToken);
        }

        // Decrypted after the connection is given back.
        SecretUnreadableException? unreadable = null;
        var readSources = sources.Take(MaxSources).Select(source => source.Open(cipher, ref unreadable)).ToList();
        var readSecrets = secrets
            .Where(secret => repository.MayBeUnder(secret.Prefix))
            .Select(secret => secret.Open(cipher, ref unreadable)).OfType<SharedSecret>().ToList();
        return new SharedCandidates(readSources, readSecrets, Truncated: sources.Count > MaxSources) { Unreadable = unreadable };
    }
}
