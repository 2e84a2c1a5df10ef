using Ampora.Audit.Heads;
using Ampora.Audit.Model;

namespace Ampora.Audit.Chain;

/// <summary>
/// Goes over a chain entry by entry, from the anchor to the head, and finds the first that is bad. It sees what the chain itself can show: an entry that was
/// rewritten together with its own hash is told by its neighbours, and a stretch that was, by where it ends; the rest is for exported heads.
/// </summary>
internal sealed class ChainWalk(IReadOnlyList<ExportedHead> exported)
{
    private readonly List<(long DeclaredBy, Retirement Retirement)> _declared = [];
    private (long Id, byte[] Hash) _before;
    private (long Id, byte[] Hash) _last;
    private (long Id, byte[] Hash) _head;
    private bool _unlinked;
    private int _nextExported;

    /// <summary>How many entries were gone over.</summary>
    public long Entries { get; private set; }

    /// <summary>How many exported heads were compared.</summary>
    public long ExportedHeads { get; private set; }

    /// <summary>The first bad one; null while all is well.</summary>
    public long? FirstBad { get; private set; }

    /// <summary>The last entry that was gone over, or the anchor.</summary>
    public long LastId => _last.Id;

    /// <summary>Begins behind the last retired entry.</summary>
    public void Begin(AuditAnchor anchor)
    {
        (_last, _before) = ((anchor.LastId, anchor.Hash), (anchor.LastId, anchor.Hash));
        (_unlinked, Entries) = (false, 0);
        while (_nextExported < exported.Count && exported[_nextExported].AuditId < anchor.LastId)
            _nextExported++;
        CompareExported(_last);
    }

    /// <summary>Takes the next entry that is there.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="head">The head at that moment; null when it is gone.</param>
    /// <returns>Whether to go on.</returns>
    public bool Next(AuditEntryRow entry, AuditHead? head)
    {
        if (_unlinked)
            return Bad(BlameLink(entry.AuditId == _last.Id + 1 && entry.PreviousHash.AsSpan().SequenceEqual(_last.Hash)));
        if (entry.AuditId != _last.Id + 1)
        {
            // Beyond the head nothing is missing: what is there was put there. Elsewhere a higher id than expected means that the expected is missing.
            return Bad(head is not null && _last.Id >= head.LastId ? entry.AuditId : _last.Id + 1);
        }

        if (!EntryHash.Compute(entry).AsSpan().SequenceEqual(entry.Hash))
            return Bad(entry.AuditId);
        _unlinked = !entry.PreviousHash.AsSpan().SequenceEqual(_last.Hash);
        (_before, _last) = (_last, (entry.AuditId, entry.Hash));
        Entries++;
        if (entry.AuditId == head?.LastId)
            _head = _last;
        CompareExported(_last);
        if (Retirement.IsDeclaration(entry) && Retirement.TryRead(entry.Detail) is { } retirement)
            _declared.Add((entry.AuditId, retirement));
        return FirstBad is null;
    }

    /// <summary>Closes the chain with its two ends, as they were together with the last entries.</summary>
    public void End(AuditHead? head, AuditAnchor? anchor)
    {
        if (FirstBad is null && _unlinked)
            Bad(BlameLink(head is not null && head.LastId == _last.Id && head.Hash.AsSpan().SequenceEqual(_last.Hash)));
        if (FirstBad is null && EndAtHead(head) is { } end)
            Bad(end);
        // What follows the last entry was exported once and has been cut off, perhaps together with what declares the anchor.
        if (FirstBad is null && _nextExported < exported.Count)
            Bad(_last.Id + 1);
        if (FirstBad is null && BeginAtAnchor(anchor) is { } begin)
            Bad(begin);
    }

    private long? EndAtHead(AuditHead? head)
    {
        if (head is null || _last.Id < head.LastId)
            return _last.Id + 1;
        if (head.LastId < _last.Id - Entries)
            return _last.Id - Entries + 1;
        var hash = head.LastId == _last.Id ? _last.Hash : head.LastId == _head.Id ? _head.Hash : null;
        if (hash is not null && !head.Hash.AsSpan().SequenceEqual(hash))
            return Math.Max(head.LastId, 1);
        return _last.Id > head.LastId ? head.LastId + 1 : null;
    }

    private long? BeginAtAnchor(AuditAnchor? anchor)
    {
        if (anchor is null)
            return 1;
        if (anchor.LastId == 0)
            return anchor.Hash.AsSpan().SequenceEqual(EntryHash.Genesis) ? null : 1;
        var hash = Convert.ToHexStringLower(anchor.Hash);
        if (_declared.Exists(d => d.DeclaredBy > anchor.LastId && d.Retirement.Through == anchor.LastId && d.Retirement.Hash == hash))
            return null;
        // Up to there they were retired as declared; the next was removed without a declaration.
        return _declared.Where(d => d.Retirement.Through <= anchor.LastId).Select(d => d.Retirement.Through).DefaultIfEmpty(0).Max() + 1;
    }

    /// <summary>An entry that agrees with itself does not follow the one before: who has the next on their side is right.</summary>
    private long BlameLink(bool nextFollows) => nextFollows ? Math.Max(_before.Id, 1) : _last.Id;

    private void CompareExported((long Id, byte[] Hash) entry)
    {
        for (; _nextExported < exported.Count && exported[_nextExported].AuditId == entry.Id; _nextExported++)
        {
            ExportedHeads++;
            if (!exported[_nextExported].Hash.AsSpan().SequenceEqual(entry.Hash))
                FirstBad ??= entry.Id;
        }
    }

    private bool Bad(long auditId)
    {
        FirstBad = Math.Min(FirstBad ?? long.MaxValue, auditId);
        return false;
    }
}
