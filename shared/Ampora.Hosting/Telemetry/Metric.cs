using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Ampora.Hosting.Telemetry;

/// <summary>One instrument's values, one series for each set of labels.</summary>
internal sealed class Metric
{
    // Labels are meant to be few; a mistake, or a sender who chooses values, must not fill the memory. The rest is counted together.
    private const int MaxSeries = 200;
    private const string Overflow = "overflow=\"true\"";

    // From a tip read on one machine to a fetch at its deadline.
    private static readonly double[] Seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

    private readonly ConcurrentDictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly string _help;
    private readonly string _type;
    private readonly bool _adds;
    private readonly double[]? _bounds;

    private Metric(string name, string help, string type, bool adds, double[]? bounds)
    {
        (Name, _help, _type, _adds, _bounds) = (name, help, type, adds, bounds);
    }

    public string Name { get; }

    public static Metric Of(Instrument instrument)
    {
        var kind = instrument.GetType().GetGenericTypeDefinition();
        var counter = kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>);
        var histogram = kind == typeof(Histogram<>);
        // Observed counters give their whole value each time, the others what is to be added.
        var adds = kind == typeof(Counter<>) || kind == typeof(UpDownCounter<>);
        return new Metric(
            NameOf(instrument, counter), instrument.Description ?? instrument.Name, counter ? "counter" : histogram ? "histogram" : "gauge", adds, histogram ? Seconds : null);
    }

    /// <summary>Shows a series before anything is counted: a rate needs a value to begin from.</summary>
    public void Show(ReadOnlySpan<KeyValuePair<string, object?>> labels) => _series.TryAdd(Labels(labels), new Series(_bounds));

    public void Measure(double value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        var key = Labels(labels);
        if (!_series.TryGetValue(key, out var series))
            series = _series.GetOrAdd(_series.Count < MaxSeries ? key : Overflow, _ => new Series(_bounds));
        series.Measure(value, _adds);
    }

    /// <summary>Writes the family of all instruments that share this one's name.</summary>
    public void Write(StringBuilder text, IEnumerable<Metric> family)
    {
        text.Append("# HELP ").Append(Name).Append(' ').Append(_help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)).Append('\n');
        text.Append("# TYPE ").Append(Name).Append(' ').Append(_type).Append('\n');
        var written = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (labels, series) in family.Where(metric => metric._type == _type).SelectMany(metric => metric._series))
        {
            if (written.Add(labels))
                series.Write(text, Name, labels);
        }
    }

    // The names of Ampora's own are as they are; those of the framework (http.server.request.duration, unit s) become Prometheus's.
    private static string NameOf(Instrument instrument, bool counter)
    {
        var name = new StringBuilder(Plain(instrument.Name));
        if (instrument.Meter.Name == AmporaMetrics.Name)
            return name.ToString();
        var unit = instrument.Unit switch
        {
            "s" => "_seconds",
            "ms" => "_milliseconds",
            "By" => "_bytes",
            _ => "",
        };
        if (!name.ToString().EndsWith(unit, StringComparison.Ordinal))
            name.Append(unit);
        if (counter && !name.ToString().EndsWith("_total", StringComparison.Ordinal))
            name.Append("_total");
        return name.ToString();
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        if (labels.IsEmpty)
            return "";
        var sorted = labels.ToArray();
        Array.Sort(sorted, static (a, b) => string.CompareOrdinal(a.Key, b.Key));
        var text = new StringBuilder();
        foreach (var (key, value) in sorted)
        {
            // Npgsql names its pools by their connection string.
            if (value is null || key.EndsWith("pool.name", StringComparison.Ordinal))
                continue;
            var escaped = Convert.ToString(value, CultureInfo.InvariantCulture)!
                .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
            text.Append(text.Length == 0 ? "" : ",").Append(Plain(key)).Append("=\"").Append(escaped).Append('"');
        }
        return text.ToString();
    }

    private static string Plain(string name)
    {
        var plain = string.Create(name.Length, name, static (span, from) =>
        {
            for (var i = 0; i < from.Length; i++)
                span[i] = char.IsAsciiLetterOrDigit(from[i]) ? from[i] : '_';
        });
        return char.IsAsciiDigit(plain[0]) ? "_" + plain : plain;
    }

    /// <summary>The value, or the histogram, of one set of labels.</summary>
    private sealed class Series(double[]? bounds)
    {
        private readonly Lock _lock = new();
        private readonly long[] _buckets = new long[bounds?.Length ?? 0];
        private double _value;
        private long _count;

        public void Measure(double value, bool adds)
        {
            lock (_lock)
            {
                _count++;
                _value = adds || bounds is not null ? _value + value : value;
                for (var i = 0; i < _buckets.Length; i++)
                    _buckets[i] += value <= bounds![i] ? 1 : 0;
            }
        }

        public void Write(StringBuilder text, string name, string labels)
        {
            lock (_lock)
            {
                if (bounds is null)
                {
                    Line(text, name, "", labels, "", _value);
                    return;
                }
                for (var i = 0; i < bounds.Length; i++)
                    Line(text, name, "_bucket", labels, $"le=\"{bounds[i].ToString(CultureInfo.InvariantCulture)}\"", _buckets[i]);
                Line(text, name, "_bucket", labels, "le=\"+Inf\"", _count);
                Line(text, name, "_sum", labels, "", _value);
                Line(text, name, "_count", labels, "", _count);
            }
        }

        private static void Line(StringBuilder text, string name, string suffix, string labels, string more, double value)
        {
            text.Append(name).Append(suffix);
            if (labels.Length + more.Length > 0)
                text.Append('{').Append(labels).Append(labels.Length > 0 && more.Length > 0 ? "," : "").Append(more).Append('}');
            var number = double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture);
            text.Append(' ').Append(number).Append('\n');
        }
    }
}
