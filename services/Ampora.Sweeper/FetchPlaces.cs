using Ampora.Git;
using Microsoft.Extensions.Options;

namespace Ampora.Sweeper;

/// <summary>
/// Places for fetches: a fetch takes one of its host's before one of all, so that those that wait for a slow host do not use up the places that others need. A fetch
/// that takes long leaves its place, and one of a source that is known to be slow has to do with few.
/// </summary>
internal sealed class FetchPlaces(HostGate hosts, IOptions<SweeperLimits> limits, TimeProvider time)
{
    private readonly Places _all = new(limits.Value.FetchesAtOnce, Places.SlowAfter, time);

    /// <summary>Waits for a place.</summary>
    /// <param name="remote">What is to be fetched.</param>
    /// <param name="isSlow">Whether checks of the source lately took long.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The place; it is free again when this is disposed.</returns>
    /// <exception cref="GitException">The host asked to be left alone.</exception>
    public async Task<IDisposable> TakeAsync(GitRemote remote, bool isSlow, CancellationToken cancellationToken)
    {
        var ofHost = await hosts.EnterForFetchAsync(remote, cancellationToken);
        try
        {
            return new Place(await _all.TakeAsync(isSlow, cancellationToken), ofHost);
        }
        catch
        {
            ofHost.Dispose();
            throw;
        }
    }

    private sealed class Place(IDisposable ofAll, IDisposable ofHost) : IDisposable
    {
        public void Dispose()
        {
            ofAll.Dispose();
            ofHost.Dispose();
        }
    }
}
