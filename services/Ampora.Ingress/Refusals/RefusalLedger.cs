using System.Threading.Channels;
using Ampora.Contracts;
using Ampora.Ingress.Webhooks;
using Microsoft.Extensions.Options;

namespace Ampora.Ingress.Refusals;

/// <summary>
/// Counts refused webhooks until they are written. A flood grows the counts, not their number: beyond a bound, all that is new is counted
/// together, so the sum stays exact.
/// </summary>
internal sealed class RefusalLedger(IOptions<IngressOptions> options, TimeProvider time)
{
    private static readonly Kind Overflow = new(null, "various", RefusalReasons.Overflow);

    private readonly Lock _gate = new();
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Dictionary<Kind, Tally> _tallies = [];

    /// <summary>Counts one refusal.</summary>
    /// <param name="sourceId">The source; null when there is none of the id that was given.</param>
    /// <param name="address">Where it came from.</param>
    /// <param name="reason">One of <see cref="RefusalReasons"/>.</param>
    public void Count(string? sourceId, string? address, string reason)
    {
        var kind = new Kind(sourceId, address, reason);
        var now = time.GetUtcNow();
        lock (_gate)
        {
            if (!_tallies.TryGetValue(kind, out var tally) && _tallies.Count >= options.Value.RefusalsToldApart)
                kind = Overflow;
            if (tally is null && !_tallies.TryGetValue(kind, out tally))
                _tallies.Add(kind, tally = new Tally());
            tally.Count++;
            tally.LastAt = now;
        }

        _news.Writer.TryWrite(true);
    }

    /// <summary>Waits until there is something to take.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken) => await _news.Reader.ReadAsync(cancellationToken);

    /// <summary>Takes all counts out, as entries for the audit log under ids of their own. Whoever takes them writes them.</summary>
    public IReadOnlyList<(Guid MessageId, AuditRecorded Entry)> Take()
    {
        Dictionary<Kind, Tally> taken;
        lock (_gate)
        {
            taken = _tallies;
            _tallies = [];
        }

        return [.. taken.Select(t => (Guid.NewGuid(), ToEntry(t.Key, t.Value)))];
    }

    private static AuditRecorded ToEntry(Kind kind, Tally tally) => new()
    {
        OccurredAt = tally.LastAt,
        Actor = $"address:{kind.Address ?? "unknown"}",
        Action = "webhook.refused",
        Subject = $"source:{kind.SourceId ?? "unknown"}",
        RemoteIp = kind == Overflow ? null : kind.Address,
        Count = tally.Count,
        Detail = new Dictionary<string, string> { ["reason"] = kind.Reason },
    };

    private readonly record struct Kind(string? SourceId, string? Address, string Reason);

    private sealed class Tally
    {
        public long Count { get; set; }

        public DateTimeOffset LastAt { get; set; }
    }
}
