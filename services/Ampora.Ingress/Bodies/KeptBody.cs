using System.Buffers;

namespace Ampora.Ingress.Bodies;

/// <summary>
/// One body in memory, piece by piece as it comes. Until somebody looks into it, the budget may take it away at any moment.
/// </summary>
/// <param name="budget">Where its memory comes from.</param>
/// <param name="number">Its place among all bodies, in the order of their begin.</param>
internal sealed class KeptBody(BodyBudget budget, long number) : IDisposable
{
    // Held while bytes are copied, so that a segment never goes to somebody else under the copy.
    private readonly Lock _gate = new();

    // Never disposed: its reader may be done in the very moment in which it is set, and without a timer it holds nothing.
    private readonly CancellationTokenSource _gaveWay = new();
    private readonly List<byte[]> _segments = [];
    private int _length;

    /// <summary>Its place among all bodies, in the order of their begin.</summary>
    public long Number => number;

    /// <summary>How many segments it holds. Under the budget's lock.</summary>
    public int Segments => _segments.Count;

    /// <summary>Whether somebody looks into it now. Under the budget's lock.</summary>
    public bool IsInUse { get; set; }

    /// <summary>Whether its memory was taken back; it gets no more. Set under the budget's lock.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Set when it had to give way to others, and whoever waits for more of it need not.</summary>
    public CancellationToken GaveWay => _gaveWay.Token;

    /// <summary>Adds a piece.</summary>
    /// <returns>False when the body had to give way.</returns>
    public bool TryAppend(ReadOnlySequence<byte> piece)
    {
        foreach (var memory in piece)
        {
            var rest = memory.Span;
            while (rest.Length > 0)
            {
                var copied = Copy(rest);
                rest = rest[copied..];
                if (rest.Length > 0 && !budget.TryExtend(this))
                    return false;
            }
        }

        return !IsGone;
    }

    /// <summary>Lets somebody look into the whole body. It must not be kept beyond that.</summary>
    /// <param name="look">Takes the body; it waits for nothing.</param>
    /// <param name="seen">What it returned.</param>
    /// <returns>False when the body had to give way.</returns>
    public bool TryUse<T>(Func<ReadOnlySequence<byte>, T> look, out T? seen)
    {
        seen = default;
        if (!budget.TryUse(this))
            return false;
        try
        {
            seen = look(Sequence());
            return true;
        }
        finally
        {
            budget.EndUse(this);
        }
    }

    /// <summary>Gives everything back.</summary>
    public void Dispose() => budget.TakeBack(this);

    /// <summary>Adds a segment. Under the budget's lock.</summary>
    internal void Add(byte[] segment)
    {
        lock (_gate)
            _segments.Add(segment);
    }

    /// <summary>Hands out all segments, for ever. Under the budget's lock.</summary>
    internal byte[][] Clear()
    {
        lock (_gate)
        {
            IsGone = true;
            byte[][] all = [.. _segments];
            _segments.Clear();
            return all;
        }
    }

    /// <summary>Wakes whoever waits for more of it.</summary>
    internal void Wake() => _gaveWay.Cancel();

    /// <returns>How much of it there was room for.</returns>
    private int Copy(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            var room = (_segments.Count * BodyBudget.SegmentBytes) - _length;
            var count = Math.Min(room, bytes.Length);
            if (IsGone || count == 0)
                return 0;
            bytes[..count].CopyTo(_segments[^1].AsSpan(BodyBudget.SegmentBytes - room));
            _length += count;
            return count;
        }
    }

    private ReadOnlySequence<byte> Sequence()
    {
        if (_segments.Count == 0)
            return ReadOnlySequence<byte>.Empty;
        Piece? first = null;
        Piece? last = null;
        for (var i = 0; i < _segments.Count; i++)
        {
            var used = Math.Min(BodyBudget.SegmentBytes, _length - (i * BodyBudget.SegmentBytes));
            last = new Piece(_segments[i].AsMemory(0, used), last);
            first ??= last;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? previous)
        {
            Memory = memory;
            if (previous is null)
                return;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }
}
