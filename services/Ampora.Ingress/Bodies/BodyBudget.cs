using System.Buffers;

namespace Ampora.Ingress.Bodies;

/// <summary>
/// How much of all bodies in flight is kept in memory, in this process together. A signature can only be checked over a whole body, so
/// strangers can make Ampora keep what they send; here is where that ends. When there is no more to give, the largest body gives way and
/// not the one that came last: endless streams turn each other away, and a small honest webhook still finds its few KiB.
/// </summary>
internal sealed class BodyBudget
{
    /// <summary>
    /// A largest body and some usual ones at once. Bodies in flight may take 32 MiB of a process; the rest of those is what the server reads
    /// ahead of a hundred senders, and has on its way from them. A form is decoded, into no more than it has itself, only while its body is held and looked
    /// into: all that is decoded at once is never more than this again.
    /// </summary>
    public const int MaxBytes = 26 * 1024 * 1024;

    /// <summary>Most webhooks fit into one: a push of a few commits has 5 to 15 KiB.</summary>
    public const int SegmentBytes = 16 * 1024;

    private const int MaxSegments = MaxBytes / SegmentBytes;

    // A pool of its own size: the shared one keeps few of these, and a flood would turn the rest into garbage many times over.
    private readonly ArrayPool<byte> _pool = ArrayPool<byte>.Create(SegmentBytes, MaxSegments);
    private readonly Lock _gate = new();
    private readonly HashSet<KeptBody> _bodies = [];
    private int _segments;
    private long _opened;

    /// <summary>What all bodies together hold now.</summary>
    public long HeldBytes
    {
        get
        {
            lock (_gate)
                return (long)_segments * SegmentBytes;
        }
    }

    /// <summary>Begins a body, which holds nothing yet. Whoever opens it disposes it.</summary>
    public KeptBody Open() => new(this, Interlocked.Increment(ref _opened));

    /// <summary>Gives a body one more segment, from a larger one if there is no other.</summary>
    /// <returns>False when it had to give way, now or before.</returns>
    public bool TryExtend(KeptBody body)
    {
        List<KeptBody>? gaveWay = null;
        bool extended;
        lock (_gate)
        {
            while (!body.IsGone && _segments == MaxSegments)
            {
                // It counts with what it asks for: two that have grown alike do not take from each other in turn.
                var largest = _bodies.Where(b => !b.IsInUse).Append(body).MaxBy(b => (b.Segments + (b == body ? 1 : 0), -b.Number))!;
                Reclaim(largest);
                (gaveWay ??= []).Add(largest);
            }

            extended = !body.IsGone;
            if (extended)
            {
                body.Add(_pool.Rent(SegmentBytes));
                _bodies.Add(body);
                _segments++;
            }
        }

        // Outside of the lock: whoever reads it wakes up here.
        gaveWay?.ForEach(b => b.Wake());
        return extended;
    }

    /// <summary>Takes a body out of the choice of those that may have to give way, while somebody looks into it.</summary>
    /// <returns>False when it has given way.</returns>
    public bool TryUse(KeptBody body)
    {
        lock (_gate)
        {
            if (body.IsGone)
                return false;
            body.IsInUse = true;
            return true;
        }
    }

    /// <summary>Ends what <see cref="TryUse"/> began.</summary>
    public void EndUse(KeptBody body)
    {
        lock (_gate)
            body.IsInUse = false;
    }

    /// <summary>Takes back all that a body holds.</summary>
    public void TakeBack(KeptBody body)
    {
        lock (_gate)
            Reclaim(body);
    }

    private void Reclaim(KeptBody body)
    {
        _bodies.Remove(body);
        foreach (var segment in body.Clear())
        {
            // What somebody sent, signed or not, is nothing to leave lying about.
            _pool.Return(segment, clearArray: true);
            _segments--;
        }
    }
}
