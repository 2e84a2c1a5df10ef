using Ampora.Database;
using Ampora.Store.Webhooks;
using Microsoft.Extensions.Options;

namespace Ampora.Ingress.Webhooks;

/// <summary>
/// Reads secrets from the database, for every request anew: after a rotation has returned, no replica may accept the old one, and a cache
/// cannot promise that. A flood costs a bounded number of connections.
/// </summary>
internal sealed class SecretReader(WebhookReader reader, IOptions<ConfiguredSecrets> configured, IOptions<IngressOptions> options) : IDisposable
{
    // A server that restarts leaves a pool of broken connections; each try removes one and clears the rest.
    private const int Attempts = 3;

    private readonly IReadOnlyList<SharedSecret> _configured = configured.Value.ToShared();
    private readonly SemaphoreSlim _turns = new(options.Value.ConcurrentReads);
    private int _waiting;

    /// <summary>Reads what a source has.</summary>
    /// <param name="sourceId">A slug.</param>
    /// <param name="cancellationToken">Ends the wait for a turn and, as soon as the database allows, the read.</param>
    /// <returns>Null when there is no such source.</returns>
    /// <exception cref="TimeoutException">Too many are waiting already.</exception>
    /// <exception cref="SecretUnreadableException">A secret that may count does not decrypt.</exception>
    public Task<SourceWebhook?> ReadAsync(string sourceId, CancellationToken cancellationToken) =>
        InTurnAsync(token => reader.ReadAsync(sourceId, token), cancellationToken);

    /// <summary>Reads whom a delivery at the shared endpoint may be for, and what may verify it.</summary>
    /// <param name="repository">The repository that it names.</param>
    /// <param name="provider">The sender.</param>
    /// <param name="cancellationToken">Ends the wait for a turn and, as soon as the database allows, the read.</param>
    /// <exception cref="TimeoutException">Too many are waiting already.</exception>
    public async Task<SharedCandidates> FindAsync(DeliveryRepository repository, string provider, CancellationToken cancellationToken) =>
        (await InTurnAsync(token => reader.FindAsync(repository, provider, token), cancellationToken)).With(_configured, repository, provider);

    public void Dispose() => _turns.Dispose();

    private async Task<T> InTurnAsync<T>(Func<CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _waiting) > options.Value.QueuedReads + options.Value.ConcurrentReads)
        {
            Interlocked.Decrement(ref _waiting);
            throw new TimeoutException("more webhooks wait for their secrets than it can read in time");
        }

        try
        {
            await _turns.WaitAsync(cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    return await read(cancellationToken);
                }
                catch (Exception e) when (attempt < Attempts && !cancellationToken.IsCancellationRequested && TransientErrors.IsTransient(e))
                {
                    // Once more, over another connection.
                }
            }
        }
        finally
        {
            _turns.Release();
        }
    }
}
