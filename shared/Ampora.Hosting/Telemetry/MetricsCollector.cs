using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Ampora.Hosting.Telemetry;

/// <summary>Gathers what the process's instruments measure, and writes it in Prometheus's text format (version 0.0.4).</summary>
internal sealed class MetricsCollector : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // Cheap, with few labels; what a Git host is called is nobody's label, so the HTTP client's meter is not among them.
    private static readonly string[] Meters =
        [AmporaMetrics.Name, "System.Runtime", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Npgsql", "MassTransit"];

    private static readonly string Version = typeof(MetricsCollector).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<Instrument, Metric> _metrics = new();

    public MetricsCollector()
    {
        // The instruments exist once their class is touched.
        RuntimeHelpers.RunClassConstructor(typeof(AmporaMetrics).TypeHandle);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (Array.IndexOf(Meters, instrument.Meter.Name) < 0)
                return;
            var metric = _metrics.GetOrAdd(instrument, static made => Metric.Of(made));
            foreach (var labels in AmporaMetrics.ShownFromTheStart(instrument.Name))
                metric.Show(labels);
            listener.EnableMeasurementEvents(instrument, metric);
        };
        _listener.SetMeasurementEventCallback<byte>(static (_, value, labels, metric) => ((Metric)metric!).Measure(value, labels));
        _listener.SetMeasurementEventCallback<short>(static (_, value, labels, metric) => ((Metric)metric!).Measure(value, labels));
        _listener.SetMeasurementEventCallback<int>(static (_, value, labels, metric) => ((Metric)metric!).Measure(value, labels));
        _listener.SetMeasurementEventCallback<long>(static (_, value, labels, metric) => ((Metric)metric!).Measure(value, labels));
        _listener.SetMeasurementEventCallback<float>(static (_, value, labels, metric) => ((Metric)metric!).Measure(value, labels));
        _listener.SetMeasurementEventCallback<double>(static (_, value, labels, metric) => ((Metric)metric!).Measure(value, labels));
        _listener.SetMeasurementEventCallback<decimal>(static (_, value, labels, metric) => ((Metric)metric!).Measure((double)value, labels));
        _listener.Start();
    }

    /// <summary>Everything measured so far, as a scrape's answer.</summary>
    public string Write()
    {
        _listener.RecordObservableInstruments();
        var text = new StringBuilder(32 * 1024);
        text.Append(CultureInfo.InvariantCulture, $"# HELP ampora_build_info The version that runs.\n# TYPE ampora_build_info gauge\nampora_build_info{{version=\"{Version}\"}} 1\n");
        // Two instruments of one name (a meter for each instance of a library) would be one family given twice, which a scraper refuses.
        foreach (var family in _metrics.Values.GroupBy(metric => metric.Name).OrderBy(family => family.Key, StringComparer.Ordinal))
            family.First().Write(text, family);
        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();
}
