using System.Diagnostics;

namespace Ampora.Hosting.Telemetry;

/// <summary>
/// Lets a trace that a Git host or proxy began go on through database and bus, whether anybody collects spans or not: without a
/// listener the bus sends no <c>traceparent</c>. Spans are recorded only where the caller asked for it.
/// </summary>
internal sealed class TracePropagation : IDisposable
{
    private static readonly string[] Sources = [AmporaMetrics.Name, "MassTransit", "Microsoft.AspNetCore"];
    private readonly ActivityListener _listener = new()
    {
        ShouldListenTo = source => Array.IndexOf(Sources, source.Name) >= 0,
        Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
            options.Parent.TraceFlags.HasFlag(ActivityTraceFlags.Recorded) ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.PropagationData,
    };

    public TracePropagation()
    {
        ActivitySource.AddActivityListener(_listener);
    }

    public void Dispose() => _listener.Dispose();
}
