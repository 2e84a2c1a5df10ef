using Microsoft.Extensions.Options;

namespace Ampora.Sweeper;

/// <summary>
/// Places for fetches: a fetch takes one of its host's before one of all, so that those that wait for a slow host do not use up the places that others need.
/// </summary>
internal sealed class FetchPlaces(IOptions<SweeperLimits> limits) : IDisposable
{
    private readonly SemaphoreSlim _all = new(limits.Value.FetchesAtOnce);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Host> _hosts = new(StringComparer.Ordinal);

    /// <summary>Waits for a place.</summary>
    /// <param name="host">The authority of the Git host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The place; it is free again when this is disposed.</returns>
    public async Task<IDisposable> TakeAsync(string host, CancellationToken cancellationToken)
    {
        Host mine;
        lock (_gate)
        {
            if (!_hosts.TryGetValue(host, out mine!))
                _hosts.Add(host, mine = new Host(limits.Value.FetchesPerHost));
            mine.Users++;
        }

        var place = new Place(this, host, mine);
        try
        {
            await mine.Places.WaitAsync(cancellationToken);
            place.OfHost = true;
            await _all.WaitAsync(cancellationToken);
            place.OfAll = true;
            return place;
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    public void Dispose() => _all.Dispose();

    private void Leave(string name, Host host)
    {
        lock (_gate)
        {
            if (--host.Users > 0)
                return;
            _hosts.Remove(name);
        }

        host.Places.Dispose();
    }

    private sealed class Host(int places)
    {
        public SemaphoreSlim Places { get; } = new(places);

        public int Users { get; set; }
    }

    private sealed class Place(FetchPlaces places, string name, Host host) : IDisposable
    {
        public bool OfHost { get; set; }

        public bool OfAll { get; set; }

        public void Dispose()
        {
            if (OfAll)
                places._all.Release();
            if (OfHost)
                host.Places.Release();
            places.Leave(name, host);
        }
    }
}
