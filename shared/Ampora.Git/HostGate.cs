using System.Collections.Concurrent;
using System.Globalization;

namespace Ampora.Git;

/// <summary>
/// Keeps Git hosts well: so many requests at once and in a second for each, over all its repositories, and none while it asks to be left alone. What one
/// host makes wait holds no other, and what one repository makes wait no other on its host: a request that takes long leaves its place. Safe for concurrent use.
/// </summary>
public sealed class HostGate
{
    // Beyond, what is remembered of idle hosts is dropped; a host costs some hundred bytes.
    private const int MaxHosts = 10_000;

    // Requests that may come together, as a part of those of a second: sources that wake up at once need not wait for each other.
    private const int BurstsPerSecond = 10;

    private readonly ConcurrentDictionary<string, Host> _hosts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Host, string Credential), DateTimeOffset> _leftAlone = new();
    private readonly GitLimits _limits;
    private readonly TimeProvider _time;

    internal HostGate(GitLimits limits, TimeProvider time)
    {
        _limits = limits;
        _time = time;
    }

    /// <summary>
    /// Waits for a fetch's place at a host, to be held for the whole fetch. Some places are always left for tip checks, which take milliseconds.
    /// </summary>
    /// <param name="remote">The repository.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The place; disposing it gives it back.</returns>
    /// <exception cref="GitException">The host asked to be left alone.</exception>
    public async Task<IDisposable> EnterForFetchAsync(GitRemote remote, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(remote);
        ThrowIfLeftAlone(remote);
        var host = Find(remote);
        var ofFetches = await host.Fetches.TakeAsync(isSlow: false, cancellationToken);
        try
        {
            return new FetchPlace(ofFetches, await host.All.TakeAsync(isSlow: false, cancellationToken));
        }
        catch
        {
            ofFetches.Dispose();
            throw;
        }
    }

    /// <summary>Waits for a tip check's place at a host.</summary>
    internal Task<IDisposable> EnterForTipAsync(GitRemote remote, CancellationToken cancellationToken)
    {
        ThrowIfLeftAlone(remote);
        return Find(remote).All.TakeAsync(isSlow: false, cancellationToken);
    }

    /// <summary>Waits until the host may get one more request.</summary>
    internal ValueTask PaceAsync(GitRemote remote, CancellationToken cancellationToken)
    {
        ThrowIfLeftAlone(remote);
        var wait = Find(remote).Take(_time, _limits.RequestsPerHostPerSecond);
        return wait == TimeSpan.Zero ? ValueTask.CompletedTask : new ValueTask(Task.Delay(wait, _time, cancellationToken));
    }

    /// <summary>Takes the host's wish to be left alone by all who show it this credential.</summary>
    internal void LeaveAlone(GitRemote remote, TimeSpan wait)
    {
        if (wait <= TimeSpan.Zero)
            return;
        if (_leftAlone.Count >= MaxHosts)
        {
            foreach (var (key, until) in _leftAlone)
            {
                if (until <= _time.GetUtcNow())
                    _leftAlone.TryRemove(new(key, until));
            }
        }

        _leftAlone[KeyOf(remote)] = _time.GetUtcNow() + wait;
    }

    private static (string Host, string Credential) KeyOf(GitRemote remote) => (remote.Url.HostAndPort, remote.CredentialDigest);

    private void ThrowIfLeftAlone(GitRemote remote)
    {
        if (_leftAlone.IsEmpty || !_leftAlone.TryGetValue(KeyOf(remote), out var until))
            return;
        var wait = until - _time.GetUtcNow();
        if (wait <= TimeSpan.Zero)
        {
            _leftAlone.TryRemove(new(KeyOf(remote), until));
            return;
        }

        throw new GitException(
            "rate_limited",
            $"{remote.Url.HostAndPort} asked to be left alone until {until.UtcDateTime.ToString("HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)}.",
            "It is asked again then; poll it less often or use webhooks.")
        {
            RetryAfter = wait,
        };
    }

    private Host Find(GitRemote remote)
    {
        var key = remote.Url.HostAndPort;
        if (_hosts.TryGetValue(key, out var known))
            return known;
        if (_hosts.Count >= MaxHosts)
        {
            foreach (var (name, host) in _hosts)
            {
                if (host.All.IsIdle)
                    _hosts.TryRemove(new(name, host));
            }
        }

        return _hosts.GetOrAdd(key, _ => new Host(_limits.RequestsPerHost, _time));
    }

    private sealed class Host(int places, TimeProvider time)
    {
        // Long ago, whatever the clock began with.
        private long _next = long.MinValue / 2;

        public Places All { get; } = new(places, Places.SlowAfter, time);

        // Fetches that take a minute each must not keep the tips of all others from being read.
        public Places Fetches { get; } = new(Math.Max(1, places - Math.Max(1, places / 4)), Places.SlowAfter, time);

        /// <summary>Takes the next moment that is free; each second has so many.</summary>
        public TimeSpan Take(TimeProvider time, int perSecond)
        {
            var step = Math.Max(1, time.TimestampFrequency / perSecond);
            var now = time.GetTimestamp();
            while (true)
            {
                var next = Volatile.Read(ref _next);
                var mine = Math.Max(next, now - (time.TimestampFrequency / BurstsPerSecond));
                if (Interlocked.CompareExchange(ref _next, mine + step, next) == next)
                    return mine <= now ? TimeSpan.Zero : time.GetElapsedTime(now, mine);
            }
        }
    }

    private sealed class FetchPlace(IDisposable ofFetches, IDisposable ofAll) : IDisposable
    {
        public void Dispose()
        {
            ofAll.Dispose();
            ofFetches.Dispose();
        }
    }
}
