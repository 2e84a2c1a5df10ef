namespace Ampora.Git;

/// <summary>
/// Places for work that usually is quick. Work that turns out to be slow leaves its place to others and goes on beside them, in as many places for slow work as there
/// are for quick; work that is known to be slow begins there, in few of them. So what hangs keeps nothing else from being done, and never does it pile up
/// without end. Whoever waits longest is next. Safe for concurrent use.
/// </summary>
/// <param name="count">How many places there are for quick work, and again for slow.</param>
/// <param name="slowAfter">Work that takes longer is slow.</param>
/// <param name="time">The clock.</param>
public sealed class Places(int count, TimeSpan slowAfter, TimeProvider time)
{
    /// <summary>What a healthy Git host has done long before, and a hung one never will: as long as it takes until a check's lease is renewed.</summary>
    public static readonly TimeSpan SlowAfter = TimeSpan.FromSeconds(3);

    // Of the slow places, most are for work of which nobody knew that it is slow.
    private readonly int _knownSlow = Math.Max(1, count / 4);

    private readonly Lock _gate = new();
    private readonly LinkedList<Waiter> _quickWaiting = [];
    private readonly LinkedList<Waiter> _slowWaiting = [];

    // Slow by now, but there was no slow place for them yet.
    private readonly LinkedList<Place> _overdue = [];
    private int _quick;
    private int _slow;

    /// <summary>Whether nobody has a place or waits for one.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_gate)
                return _quick + _slow + _quickWaiting.Count + _slowWaiting.Count == 0;
        }
    }

    /// <summary>Waits for a place.</summary>
    /// <param name="isSlow">Whether the work is known to be slow.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The place; it is free again when this is disposed.</returns>
    public async Task<IDisposable> TakeAsync(bool isSlow, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Waiter waiter;
        lock (_gate)
        {
            var queue = isSlow ? _slowWaiting : _quickWaiting;
            waiter = new Waiter(queue);
            waiter.Node = queue.AddLast(waiter);
            Grant();
        }

        await using var registration = cancellationToken.UnsafeRegister(_ => Leave(waiter, cancellationToken), null);
        return await waiter.Granted.Task;
    }

    // The lock is held.
    private void Grant()
    {
        while (_overdue.First is { } overdue && _slow < count)
        {
            _overdue.Remove(overdue);
            Slow(overdue.Value);
        }

        while (_slow < _knownSlow && _slowWaiting.First is { } slow)
        {
            _slow++;
            Give(slow, isSlow: true);
        }

        while (_quick < count && _quickWaiting.First is { } quick)
        {
            _quick++;
            Give(quick, isSlow: false);
        }
    }

    private void Give(LinkedListNode<Waiter> waiter, bool isSlow)
    {
        waiter.List!.Remove(waiter);
        var place = new Place(this, isSlow);
        if (!isSlow)
            place.Timer = time.CreateTimer(_ => GrowOld(place), null, slowAfter, Timeout.InfiniteTimeSpan);
        waiter.Value.Granted.TrySetResult(place);
    }

    private void Slow(Place place)
    {
        place.IsSlow = true;
        _quick--;
        _slow++;
    }

    private void GrowOld(Place place)
    {
        lock (_gate)
        {
            if (place.IsGone || place.IsSlow)
                return;
            place.Overdue = _overdue.AddLast(place);
            Grant();
        }
    }

    private void Leave(Waiter waiter, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (waiter.Node!.List is null)
                return;
            waiter.Queue.Remove(waiter.Node);
        }

        waiter.Granted.TrySetCanceled(cancellationToken);
    }

    private void Free(Place place)
    {
        lock (_gate)
        {
            if (place.IsGone)
                return;
            place.IsGone = true;
            place.Timer?.Dispose();
            if (place.Overdue is { List: not null } overdue)
                _overdue.Remove(overdue);
            if (place.IsSlow)
                _slow--;
            else
                _quick--;
            Grant();
        }
    }

    private sealed class Waiter(LinkedList<Waiter> queue)
    {
        public LinkedList<Waiter> Queue => queue;

        public LinkedListNode<Waiter>? Node { get; set; }

        public TaskCompletionSource<IDisposable> Granted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Place(Places places, bool isSlow) : IDisposable
    {
        public bool IsSlow { get; set; } = isSlow;

        public bool IsGone { get; set; }

        public ITimer? Timer { get; set; }

        public LinkedListNode<Place>? Overdue { get; set; }

        public void Dispose() => places.Free(this);
    }
}
