using System.Collections.Concurrent;
using System.Diagnostics;

namespace Ampora.Ingress.Tests;

/// <summary>All spans of the process, as an exporter would have them.</summary>
internal sealed class CapturedSpans : IDisposable
{
    private readonly ActivityListener _listener;
    private readonly ConcurrentQueue<Activity> _spans = new();

    public CapturedSpans()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _spans.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public IEnumerable<Activity> Spans => _spans;

    public IEnumerable<string> Texts => _spans.Select(s => string.Join(' ', s.TagObjects.Select(t => $"{t.Key}={t.Value}").Prepend(s.DisplayName)));

    public void Dispose() => _listener.Dispose();
}
