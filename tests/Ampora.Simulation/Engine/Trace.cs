using System.Globalization;
using System.Text;

namespace Ampora.Simulation.Engine;

/// <summary>What happened, in order: the last of it always, all of it on request, and a hash over the whole.</summary>
/// <param name="keepAll">Whether every line is kept.</param>
public sealed class Trace(bool keepAll)
{
    // What a person reads of a failure: some seconds of simulated time.
    private const int Tail = 120;

    private readonly Queue<Entry> _entries = new();

    /// <summary>FNV-1a over all entries.</summary>
    public ulong Hash { get; private set; } = 14695981039346656037;

    /// <summary>How many there were.</summary>
    public long Count { get; private set; }

    /// <summary>Notes what happened.</summary>
    /// <param name="time">When, in ticks of simulated time.</param>
    /// <param name="who">The process or part of the world.</param>
    /// <param name="what">What it did.</param>
    /// <param name="about">The source, the message or the outcome.</param>
    /// <param name="number">A number that belongs to it.</param>
    public void Note(long time, string who, string what, string? about = null, long number = 0)
    {
        Count++;
        Mix((ulong)time);
        Mix(who);
        Mix(what);
        Mix(about ?? "");
        Mix((ulong)number);
        if (!keepAll && _entries.Count == Tail)
            _entries.Dequeue();
        _entries.Enqueue(new Entry(time, who, what, about, number));
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var e in _entries)
        {
            text.Append(CultureInfo.InvariantCulture, $"{TimeSpan.FromTicks(e.Time).TotalSeconds,11:F4}  {e.Who,-14} {e.What}");
            if (e.About is not null)
                text.Append(' ').Append(e.About);
            if (e.Number != 0)
                text.Append(CultureInfo.InvariantCulture, $" {e.Number}");
            text.Append('\n');
        }

        return text.ToString();
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * 1099511628211;

    private void Mix(string text)
    {
        foreach (var c in text)
            Hash = (Hash ^ c) * 1099511628211;
    }

    private readonly record struct Entry(long Time, string Who, string What, string? About, long Number);
}
