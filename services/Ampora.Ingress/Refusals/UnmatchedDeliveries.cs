using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Webhooks;

namespace Ampora.Ingress.Refusals;

/// <summary>
/// Records verified deliveries that no source is behind. They belong in no source's ledger, but their sender is told that they were taken,
/// so they are durable before it is.
/// </summary>
internal sealed class UnmatchedDeliveries(Database<StoreContext> database) : IDisposable
{
    // Each is a transaction of its own, which waits for the others' anyway; the connections are for those that wake a source.
    private const int AtOnce = 4;

    private readonly SemaphoreSlim _turns = new(AtOnce);

    /// <summary>Records one.</summary>
    public async Task WriteAsync(TurnedAwayRow row, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken);
        try
        {
            await database.WriteAsync((context, token) => TurnedAwayRing.AddAsync(context, [row], token), cancellationToken);
        }
        finally
        {
            _turns.Release();
        }
    }

    public void Dispose() => _turns.Dispose();
}
