using System.Security.Cryptography;
using System.Text.Json;
using System.Threading.Channels;
using Ampora.Contracts;
using Ampora.Store.Model;
using Ampora.Webhooks;
using Microsoft.Extensions.Options;

namespace Ampora.Ingress.Refusals;

/// <summary>What was counted and is to be written, once and together.</summary>
/// <param name="Entries">For the audit log, whose sum is exact.</param>
/// <param name="Rows">For the operator's ledger, which shows what was wrong.</param>
internal sealed record CountedRefusals(IReadOnlyList<(Guid MessageId, AuditRecorded Entry)> Entries, IReadOnlyList<TurnedAwayRow> Rows)
{
    public static CountedRefusals None { get; } = new([], []);

    public bool IsNone => Entries.Count == 0;

    public long Sum => Entries.Sum(e => e.Entry.Count);
}

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
    private Dictionary<Shown, TurnedAwayRow> _rows = [];

    /// <summary>Counts one refusal.</summary>
    public void Count(Refusal refusal)
    {
        var kind = new Kind(refusal.SourceId, refusal.Address, refusal.Reason);
        var now = time.GetUtcNow();
        lock (_gate)
        {
            if (!_tallies.TryGetValue(kind, out var tally) && _tallies.Count >= options.Value.RefusalsToldApart)
                kind = Overflow;
            if (tally is null && !_tallies.TryGetValue(kind, out tally))
                _tallies.Add(kind, tally = new Tally());
            tally.Count++;
            tally.LastAt = now;
            Show(refusal, now);
        }

        _news.Writer.TryWrite(true);
    }

    /// <summary>Waits until there is something to take.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken) => await _news.Reader.ReadAsync(cancellationToken);

    /// <summary>Takes all counts out, under ids of their own. Whoever takes them writes them.</summary>
    public CountedRefusals Take()
    {
        Dictionary<Kind, Tally> taken;
        Dictionary<Shown, TurnedAwayRow> rows;
        lock (_gate)
        {
            (taken, rows) = (_tallies, _rows);
            (_tallies, _rows) = ([], []);
        }

        return taken.Count == 0
            ? CountedRefusals.None
            : new CountedRefusals([.. taken.Select(t => (Guid.NewGuid(), ToEntry(t.Key, t.Value)))], [.. rows.Values.OrderBy(r => r.ReceivedAt)]);
    }

    /// <summary>Adds to what the operator sees. The ring keeps few kinds, so what is beyond the bound would be pushed out anyway.</summary>
    private void Show(Refusal refusal, DateTimeOffset now)
    {
        var shown = new Shown(refusal.SourceId, refusal.Address, refusal.Reason, refusal.Sender, refusal.Event);
        if (!_rows.TryGetValue(shown, out var row))
        {
            if (_rows.Count >= options.Value.RefusalsToldApart)
                return;
            row = new TurnedAwayRow
            {
                Id = $"dlv_{Guid.CreateVersion7(now):n}",
                Kind = shown.Key,
                Sequence = 0,
                SourceId = refusal.SourceId,
                FirstAt = now,
                ReceivedAt = now,
                Provider = refusal.Sender,
                Event = refusal.Event,
                Verdict = "refused",
                Reason = refusal.Reason,
                RemoteIp = refusal.Address,
                Count = 0,
            };
            _rows.Add(shown, row);
        }

        row.Count++;
        row.ReceivedAt = now;
        row.Detail = refusal.Detail;
        row.Repository = refusal.Repository;
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

    private readonly record struct Shown(string? SourceId, string? Address, string Reason, string Sender, string? Event)
    {
        // A sender writes into it (the event's name), so it is not the row's key as it is.
        public string Key => Convert.ToHexStringLower(
            SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes<string?[]>([SourceId, Address, Reason, Sender, Event])));
    }

    private sealed class Tally
    {
        public long Count { get; set; }

        public DateTimeOffset LastAt { get; set; }
    }
}
