using Ampora.Git;
using Microsoft.Extensions.Options;

namespace Ampora.Sweeper;

/// <summary>
/// Places for fetches: a fetch takes one of its host's before one of all, so that those that wait for a slow host do not use up the places that others need.
/// </summary>
internal sealed class FetchPlaces(HostGate hosts, IOptions<SweeperLimits> limits) : IDisposable
{
    private readonly SemaphoreSlim _all = new(limits.Value.FetchesAtOnce);

    /// <summary>Waits for a place.</summary>
    /// <param name="remote">What is to be fetched.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The place; it is free again when this is disposed.</returns>
    /// <exception cref="GitException">The host asked to be left alone.</exception>
    public async Task<IDisposable> TakeAsync(GitRemote remote, CancellationToken cancellationToken)
    {
        var ofHost = await hosts.EnterForFetchAsync(remote, cancellationToken);
        try
        {
            await _all.WaitAsync(cancellationToken);
            return new Place(_all, ofHost);
        }
        catch
        {
            ofHost.Dispose();
            throw;
        }
    }

    public void Dispose() => _all.Dispose();

    private sealed class Place(SemaphoreSlim all, IDisposable ofHost) : IDisposable
    {
        public void Dispose()
        {
            all.Release();
            ofHost.Dispose();
        }
    }
}
