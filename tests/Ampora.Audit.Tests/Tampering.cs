using Ampora.Audit.Chain;
using Ampora.Audit.Heads;
using Ampora.Audit.Model;

namespace Ampora.Audit.Tests;

/// <summary>A log in memory, and somebody with full control of the database who changes it; and which entry a check must then name.</summary>
internal sealed class Tampering(Random random, IReadOnlyList<AuditEntryRow> original, AuditHead head, AuditAnchor anchor, IReadOnlyDictionary<long, byte[]> everyHash)
{
    private static readonly string[] Columns = ["message_id", "occurred_at", "recorded_at", "actor", "action", "subject", "remote_ip", "count", "run_id", "detail", "previous_hash", "hash"];

    private readonly long _first = original[0].AuditId;
    private readonly long _last = original[^1].AuditId;

    public List<AuditEntryRow> Rows { get; } = [.. original.Select(Copy)];

    public AuditHead? Head { get; private set; } = new() { Id = 1, LastId = head.LastId, Hash = head.Hash };

    public AuditAnchor? Anchor { get; private set; } = new() { Id = 1, LastId = anchor.LastId, Hash = anchor.Hash };

    /// <summary>Heads that were exported while all was well.</summary>
    public List<ExportedHead> Exported { get; } = [];

    public string What { get; private set; } = "";

    /// <summary>The first bad entry, as the chain and what was exported show it; null where they cannot.</summary>
    public long? FirstBad { get; private set; }

    public void Apply(bool exported)
    {
        if (exported)
        {
            for (var id = 1L; id <= _last; id++)
            {
                if (random.Next(4) == 0)
                    Exported.Add(new ExportedHead(id, everyHash[id]));
            }
        }

        Action[] kinds =
        [
            ChangeColumn, ChangeColumnWithItsHash, ChangeLink, Remove, PutInBehind, PutInBefore, Exchange, ShiftUp, ShiftDown, CutTail, CutTailWithHead, RewindHead, ChangeHead, LoseHead,
            MoveAnchorBack, MoveAnchorForward, RemoveUndeclared, ChangeAnchor, LoseAnchor, RewriteStretch, RewriteSuffixWithHead,
        ];
        kinds[random.Next(kinds.Length)]();
    }

    private long AnyId(int from = 0, int until = 0) => random.NextInt64(_first + from, _last + 1 - until);

    private AuditEntryRow Row(long id) => Rows.Single(r => r.AuditId == id);

    private byte[] Bytes()
    {
        var bytes = new byte[32];
        random.NextBytes(bytes);
        return bytes;
    }

    private void Is(string what, long? firstBad) => (What, FirstBad) = (what, firstBad);

    private void ChangeColumn()
    {
        var (id, column) = (AnyId(), Columns[random.Next(Columns.Length)]);
        Change(Row(id), column);
        Is($"changed {column} of {id}", id);
    }

    private void ChangeColumnWithItsHash()
    {
        var (id, column) = (AnyId(), Columns[random.Next(Columns.Length - 1)]);
        Change(Row(id), column);
        Row(id).Hash = EntryHash.Compute(Row(id));
        Is($"changed {column} of {id} and its hash", id);
    }

    private void ChangeLink()
    {
        var id = AnyId();
        Row(id).PreviousHash = Bytes();
        Row(id).Hash = EntryHash.Compute(Row(id));
        Is($"linked {id} to something else", id);
    }

    private void Remove()
    {
        var id = AnyId();
        Rows.Remove(Row(id));
        Is($"removed {id}", id);
    }

    private void PutInBehind()
    {
        var id = _last + random.Next(1, 4);
        var made = Copy(Row(AnyId()));
        (made.AuditId, made.MessageId) = (id, Guid.NewGuid());
        if (random.Next(2) == 0)
        {
            made.PreviousHash = Row(_last).Hash;
            made.Hash = EntryHash.Compute(made);
        }

        Rows.Add(made);
        Is($"put in {id} behind the last", id);
    }

    private void PutInBefore()
    {
        var id = anchor.LastId - random.Next(0, 4);
        var made = Copy(Row(AnyId()));
        (made.AuditId, made.MessageId) = (id, Guid.NewGuid());
        Rows.Add(made);
        Is($"put in {id} before the first", id);
    }

    private void Exchange()
    {
        var a = AnyId(until: 1);
        var b = random.NextInt64(a + 1, _last + 1);
        var (one, other) = (Row(a), Row(b));
        (one.AuditId, other.AuditId) = (b, a);
        Is($"exchanged {a} and {b}", a);
    }

    private void ShiftUp()
    {
        var (id, by) = (AnyId(), random.Next(1, 4));
        foreach (var row in Rows.Where(r => r.AuditId >= id))
            row.AuditId += by;
        Is($"shifted ids from {id} up by {by}", id);
    }

    private void ShiftDown()
    {
        var id = AnyId();
        Rows.Remove(Row(id));
        foreach (var row in Rows.Where(r => r.AuditId > id))
            row.AuditId--;
        Is($"removed {id} and closed the gap", id);
    }

    private void CutTail()
    {
        var id = AnyId();
        Rows.RemoveAll(r => r.AuditId >= id);
        Is($"cut from {id} on", id);
    }

    private void CutTailWithHead()
    {
        var id = AnyId(from: 1);
        Rows.RemoveAll(r => r.AuditId >= id);
        Head = new AuditHead { Id = 1, LastId = id - 1, Hash = Row(id - 1).Hash };
        // Cut together with its declaration, what was retired looks removed.
        long? seen = anchor.LastId > 0 && !Rows.Exists(Chain.Retirement.IsDeclaration) ? 1 : null;
        Is($"cut from {id} on together with the head", Exported.Exists(e => e.AuditId >= id) ? id : seen);
    }

    private void RewindHead()
    {
        var id = AnyId(until: 1);
        var right = random.Next(2) == 0;
        Head!.LastId = id;
        Head.Hash = right ? Row(id).Hash : Bytes();
        Is($"rewound the head to {id}{(right ? "" : " with another hash")}", right ? id + 1 : id);
    }

    private void ChangeHead()
    {
        if (random.Next(2) == 0)
        {
            Head!.Hash = Bytes();
            Is("changed the head's hash", _last);
        }
        else
        {
            Head!.LastId += random.Next(1, 4);
            Is($"moved the head on to {Head.LastId}", _last + 1);
        }
    }

    private void LoseHead()
    {
        Head = null;
        Is("removed the head", _last + 1);
    }

    private void MoveAnchorBack()
    {
        if (anchor.LastId == 0)
        {
            LoseAnchor();
            return;
        }

        var to = random.NextInt64(0, anchor.LastId);
        Anchor!.LastId = to;
        Anchor.Hash = to == 0 ? EntryHash.Genesis : everyHash[to];
        Is($"moved the anchor back to {to}", to + 1);
    }

    private void MoveAnchorForward()
    {
        var to = AnyId();
        Anchor!.LastId = to;
        Anchor.Hash = Row(to).Hash;
        Is($"moved the anchor on to {to}", _first);
    }

    private void RemoveUndeclared()
    {
        var to = AnyId();
        Anchor!.LastId = to;
        Anchor.Hash = Row(to).Hash;
        Rows.RemoveAll(r => r.AuditId <= to);
        // With the declaration gone, nothing says that any were retired.
        var declared = Rows.Exists(Chain.Retirement.IsDeclaration);
        Is($"removed up to {to} and moved the anchor there", declared ? _first : 1);
    }

    private void ChangeAnchor()
    {
        Anchor!.Hash = Bytes();
        Is("changed the anchor's hash", Math.Max(anchor.LastId, 1));
    }

    private void LoseAnchor()
    {
        Anchor = null;
        Is("removed the anchor", 1);
    }

    /// <summary>What the chain shows of a stretch that was rewritten is where it ends; an exported head within it shows more.</summary>
    private void RewriteStretch()
    {
        var from = AnyId();
        var to = random.NextInt64(from, _last + 1);
        Rewrite(from, to);
        Is($"rewrote {from} to {to} with their hashes", FirstExported(from, to) ?? to);
    }

    private void RewriteSuffixWithHead()
    {
        var from = AnyId();
        // With the declaration changed into something else, nothing says that any were retired.
        long? seen = anchor.LastId > 0 && Chain.Retirement.IsDeclaration(Row(from)) ? 1 : null;
        Rewrite(from, _last);
        Head!.Hash = Row(_last).Hash;
        Is($"rewrote {from} to the end together with the head", FirstExported(from, _last) ?? seen);
    }

    private long? FirstExported(long from, long to) => Exported.Where(e => e.AuditId >= from && e.AuditId <= to).Select(e => (long?)e.AuditId).Min();

    private void Rewrite(long from, long to)
    {
        Row(from).Subject = "source:rewritten";
        for (var id = from; id <= to; id++)
        {
            var row = Row(id);
            if (id > from)
                row.PreviousHash = Row(id - 1).Hash;
            row.Hash = EntryHash.Compute(row);
        }
    }

    private void Change(AuditEntryRow row, string column)
    {
        switch (column)
        {
            case "message_id": row.MessageId = Guid.NewGuid(); break;
            case "occurred_at": row.OccurredAt = row.OccurredAt.AddMicroseconds(1); break;
            case "recorded_at": row.RecordedAt = row.RecordedAt.AddMicroseconds(-1); break;
            case "actor": row.Actor += "x"; break;
            case "action": row.Action = row.Action == "a.b" ? "a.c" : "a.b"; break;
            case "subject": row.Subject = ""; break;
            case "remote_ip": row.RemoteIp = row.RemoteIp is null ? "" : null; break;
            case "count": row.Count++; break;
            case "run_id": row.RunId = row.RunId is null ? "" : null; break;
            case "detail": row.Detail += " "; break;
            case "previous_hash": row.PreviousHash = Bytes(); break;
            case "hash": row.Hash = Bytes(); break;
            default: throw new ArgumentException(column);
        }
    }

    private static AuditEntryRow Copy(AuditEntryRow row) => new()
    {
        AuditId = row.AuditId,
        MessageId = row.MessageId,
        OccurredAt = row.OccurredAt,
        RecordedAt = row.RecordedAt,
        Actor = row.Actor,
        Action = row.Action,
        Subject = row.Subject,
        RemoteIp = row.RemoteIp,
        Count = row.Count,
        RunId = row.RunId,
        Detail = row.Detail,
        PreviousHash = row.PreviousHash,
        Hash = row.Hash,
    };
}
